//! What the fake APIs share: the rows in which the truth about a world is told, and a server that listens on this
//! machine until it is dropped.

mod broken;
mod listening;
mod truth;

pub use broken::broken;
pub use listening::{Listener, Listening};
pub use truth::{EntityRow, RelationRow, Truth, guard};
