//! A list that comes as one array in one answer, however long: each element is given away as soon as it is
//! there, so that no more than one is held.

use crate::client::{Client, Miss};
use crate::cut::{Piece, Shape};

/// What came of reading an array.
#[derive(Debug)]
pub struct ArrayReading {
    /// The credential that served to the end.
    pub served: Option<usize>,
    /// The credentials that didn't, and why.
    pub misses: Vec<(usize, Miss)>,
    /// Whether an element came at all, from whichever credential.
    pub begun: bool,
}

/// Reads the array at `path` with the first credential that may. Each element is given away with the time at which
/// the answer came, see [`crate::api::Response::read_at`]. Elements may come again where an answer
/// broke off and was asked for anew.
pub async fn read_array(
    client: &Client<'_>,
    path: &str,
    element: &mut dyn FnMut(&[u8], Option<u64>),
) -> ArrayReading {
    let mut reading = ArrayReading {
        served: None,
        misses: Vec::new(),
        begun: false,
    };
    for slot in client.slots() {
        let (mut begun, mut at) = (false, None);
        let mut take = |piece: Piece<'_>| match piece {
            Piece::Anew { read_at } => at = read_at,
            Piece::Whole { text, .. } => {
                begun = true;
                element(text, at);
            }
            Piece::Opened { .. } => {}
        };
        let outcome = client
            .get_cut(path, Some(slot), Shape::List, &mut take)
            .await;
        reading.begun |= begun;
        let Err(miss) = outcome else {
            reading.served = Some(slot);
            break;
        };
        let go_on = miss.another_slot_may_help();
        reading.misses.push((slot, miss));
        if !go_on {
            break;
        }
    }
    reading
}
