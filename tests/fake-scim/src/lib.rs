//! A deterministic fake of a SCIM 2.0 server.
//!
//! A [`World`] is a directory made from a seed and a [`Shape`]. A [`Server`] serves it over plain HTTP as RFC 7643,
//! 7644 and 9865 say. A [`Behaviour`] switches on what real servers do otherwise, one thing at a time or several at
//! once; [`DEVIATIONS`] has them by name. [`World::truth`] says what a perfect extractor makes of it, given a
//! [`Visibility`]; [`Server::requests`] says what was asked.
//!
//! ```
//! use fake_scim::{Behaviour, Config, Deviation, Server, Shape, Visibility, World};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let (mut shape, mut behaviour) = (Shape::default(), Behaviour::default());
//! for name in ["capped-pages", "lists-without-members"] {
//!     Deviation::named(name).unwrap().apply(&mut shape, &mut behaviour);
//! }
//! let world = World::generate(7, &shape);
//! let server = Server::start(world, Config { behaviour, ..Config::default() }).await?;
//!
//! // Run an extractor against server.base() with the token fake_scim::TOKEN. Then compare with the truth.
//! let truth = server.world().truth(&Visibility::default());
//! assert!(truth.entities.iter().any(|entity| entity.source_type == "group"));
//! assert!(server.requests().elsewhere().is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! The same seed gives the same answers, byte for byte, but for the port in URLs.

mod answer;
mod asked;
mod attributes;
mod behaviour;
mod deviations;
mod discovery;
mod family;
mod faults;
mod filter;
mod index;
mod members;
mod names;
mod paging;
mod refuse;
mod requests;
mod resources;
mod server;
mod truth;
mod values;
mod world;

pub use answer::{ErrorBody, Errors};
pub use attributes::Attributes;
pub use behaviour::Behaviour;
pub use deviations::{DEVIATIONS, Deviation};
pub use discovery::{Discovery, Endpoint};
pub use family::Family;
pub use faults::{Fault, FaultKind};
pub use filter::Filters;
pub use members::{Members, Shown, UserGroups};
pub use paging::{Form, ItemsPerPage, Paging, Sort, Total};
pub use refuse::{Refusal, Refuse, What};
pub use requests::{Requests, Seen};
pub use server::{Config, Server, TOKEN};
pub use truth::{Visibility, group_key};
pub use values::{Active, Letters, Meta, Values};
pub use world::{Group, Member, Right, Shape, User, World};
