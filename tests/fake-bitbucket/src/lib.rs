//! A deterministic fake of Bitbucket Cloud's REST API.
//!
//! A [`World`] is a workspace made from a seed and sizes. A [`Server`] serves it over plain HTTP, as
//! Bitbucket would: two credentials with scopes, both API versions, pages, `fields`, the errors that
//! were seen live. A [`Behaviour`] switches on what goes wrong, one thing at a time. [`World::truth`]
//! says what a perfect extractor makes of it, given a [`Visibility`]; [`Server::requests`] says what
//! was asked.
//!
//! ```
//! use fake_bitbucket::{
//!     Behaviour, Config, Credential, Family, Refusal, Refuse, Server, Sizes, Visibility, What, World,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let sizes = Sizes { users: 30, groups: 6, projects: 4, repositories: 20 };
//! let world = World::generate(7, sizes);
//! let closed = world.repositories[3].slug.clone();
//!
//! // The workspace token may not read groups, and nobody may read one repository's grants.
//! let behaviour = Behaviour {
//!     refuse: vec![
//!         Refuse::to(Credential::WorkspaceToken, What::Family(Family::Groups), Refusal::WrongMechanism),
//!         Refuse::all(What::Repository(closed.clone()), Refusal::NotAdmin),
//!     ],
//!     ..Behaviour::default()
//! };
//! let server = Server::start(world, Config { behaviour, ..Config::default() }).await?;
//!
//! // Run an extractor against server.origin(), workspace server.world().workspace.slug, with the
//! // secrets of Token::default() and Account::default(). Then compare with the truth: the account
//! // could still read the groups, so only the repository is missing from it.
//! let visibility = Visibility { refused_repositories: [closed].into(), ..Visibility::default() };
//! let truth = server.world().truth(&visibility);
//! assert!(truth.entities.iter().any(|entity| entity.source_type == "group"));
//! assert!(server.requests().asked_again().is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! The same seed gives the same answers, byte for byte, but for the port in `next`.

mod auth;
mod catalogue;
mod endpoint;
mod errors;
mod family;
mod fields;
mod names;
mod paging;
mod requests;
mod rng;
mod server;
mod traps;
mod truth;
mod v1;
mod v2;
mod world;

pub use fake_api::{EntityRow, RelationRow, Truth, guard};

pub use auth::{Account, Credential, PermissionsByToken, Presented, Token};
pub use family::Family;
pub use requests::{Requests, Seen};
pub use server::{Config, Server};
pub use traps::{
    Behaviour, Fault, Hour, Lie, LieKind, Loop, Moved, PageTraps, Product, RateLimit, Refusal,
    Refuse, Transient, What,
};
pub use truth::Visibility;
pub use world::{
    Access, DeployKey, Features, Group, Invitation, Membership, Project, Repository, Sizes, User,
    Workspace, World,
};
