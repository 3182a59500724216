//! A directory of people, made from a seed and sizes.

use fastrand::Rng;

use crate::names;

/// How large a world is, and what is odd about what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Users.
    pub users: usize,
    /// Groups. The first holds nobody, the second everybody, the third the first, the fourth and some users.
    pub groups: usize,
    /// Every group holds so many users, no group holds a group, and none is empty.
    pub members_each: Option<usize>,
    /// Roles, which users are given.
    pub roles: usize,
    /// Entitlements, which users are given.
    pub entitlements: usize,
    /// Ids are decimal numbers.
    pub numeric_ids: bool,
    /// The n-th group has the id of the n-th user.
    pub shared_ids: bool,
    /// The fourth group holds a user whom no list has.
    pub gone_member: bool,
    /// Users have an account's id at Atlassian.
    pub atlassian: bool,
}

impl Default for Shape {
    /// Small, with a bit of everything, but for Atlassian's accounts.
    fn default() -> Self {
        Self {
            users: 40,
            groups: 12,
            members_each: None,
            roles: 5,
            entitlements: 4,
            numeric_ids: false,
            shared_ids: false,
            gone_member: true,
            atlassian: false,
        }
    }
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The server's id.
    pub id: String,
    /// `userName`.
    pub user_name: String,
    /// `externalId`: some have none.
    pub external_id: Option<String>,
    /// `displayName`: some have none.
    pub display_name: Option<String>,
    /// The only e-mail address.
    pub email: String,
    /// `active`: some have none.
    pub active: Option<bool>,
    /// `title`: some have none.
    pub title: Option<String>,
    /// `department` of the enterprise extension: some have none.
    pub department: Option<String>,
    /// The manager, by index: some have none.
    pub manager: Option<usize>,
    /// Roles, by index.
    pub roles: Vec<usize>,
    /// Entitlements, by index.
    pub entitlements: Vec<usize>,
    /// The id that the products of Atlassian know the account by.
    pub account_id: Option<String>,
}

impl User {
    /// What a person calls this user.
    pub fn name(&self) -> &str {
        self.display_name.as_deref().unwrap_or(&self.user_name)
    }
}

/// Who can be in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member {
    /// A user, by index.
    User(usize),
    /// A group, by index.
    Group(usize),
    /// A user whom no list has, by id.
    Gone(String),
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The server's id.
    pub id: String,
    /// `displayName`.
    pub display_name: String,
    /// `externalId`: some have none.
    pub external_id: Option<String>,
    /// Its direct members.
    pub members: Vec<Member>,
}

/// A role or an entitlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    /// The word that users' attributes hold.
    pub value: String,
    /// What a person calls it.
    pub display: String,
}

/// A directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct World {
    /// Users.
    pub users: Vec<User>,
    /// Groups.
    pub groups: Vec<Group>,
    /// Roles.
    pub roles: Vec<Right>,
    /// Entitlements.
    pub entitlements: Vec<Right>,
}

impl World {
    /// The same seed and shape give the same world.
    pub fn generate(seed: u64, shape: &Shape) -> Self {
        let mut rng = Rng::with_seed(seed);
        let users = (0..shape.users)
            .map(|n| user(&mut rng, n, shape))
            .collect::<Vec<_>>();
        let groups = (0..shape.groups)
            .map(|n| group(&mut rng, n, shape, &users))
            .collect();
        let roles = (0..shape.roles).map(|n| right("role", names::ROLES, n));
        let entitlements =
            (0..shape.entitlements).map(|n| right("licence", names::ENTITLEMENTS, n));
        Self {
            users,
            groups,
            roles: roles.collect(),
            entitlements: entitlements.collect(),
        }
    }

    /// Whether a group holds a user, itself or by way of others; both by index. No group holds itself.
    pub fn holds(&self, group: usize, user: usize) -> bool {
        let mut members = self.groups[group].members.iter();
        members.any(|member| match member {
            Member::User(n) => *n == user,
            Member::Group(inner) => self.holds(*inner, user),
            Member::Gone(_) => false,
        })
    }
}

fn user(rng: &mut Rng, n: usize, shape: &Shape) -> User {
    let (given, family) = (names::given(rng), names::family(rng));
    let user_name = format!("{}.{n}@example.com", names::plain(given));
    let pick = |rng: &mut Rng, count: usize| match count {
        0 => Vec::new(),
        count => {
            let mut some: Vec<usize> = (0..rng.usize(0..3)).map(|_| rng.usize(0..count)).collect();
            some.sort_unstable();
            some.dedup();
            some
        }
    };
    User {
        id: id(rng, 1000 + n, shape),
        external_id: (n % 3 != 2).then(|| format!("ext-{n}")),
        display_name: (n % 10 != 9).then(|| format!("{given} {family}")),
        email: user_name.clone(),
        user_name,
        active: match n % 7 {
            5 => Some(false),
            6 => None,
            _ => Some(true),
        },
        title: (n % 4 == 1).then(|| "Engineer, \"second\" line".to_owned()),
        department: n
            .is_multiple_of(2)
            .then(|| names::department(rng).to_owned()),
        manager: (!n.is_multiple_of(5)).then(|| rng.usize(0..n)),
        roles: pick(rng, shape.roles),
        entitlements: pick(rng, shape.entitlements),
        account_id: shape.atlassian.then(|| format!("712020:{}", uuid(rng))),
    }
}

fn group(rng: &mut Rng, n: usize, shape: &Shape, users: &[User]) -> Group {
    let id = match users.get(n) {
        Some(user) if shape.shared_ids => user.id.clone(),
        _ => id(rng, 1_000_000 + n, shape),
    };
    let mut some = |count: usize| -> Vec<Member> {
        let mut members: Vec<usize> = match users.len() {
            0 => Vec::new(),
            all => (0..count).map(|_| rng.usize(0..all)).collect(),
        };
        members.sort_unstable();
        members.dedup();
        members.into_iter().map(Member::User).collect()
    };
    let members = match (shape.members_each, n) {
        (Some(each), _) => {
            let first = n * 37;
            let range = first..first + each.min(users.len());
            range.map(|m| Member::User(m % users.len())).collect()
        }
        (None, 0) => Vec::new(),
        (None, 1) => (0..users.len()).map(Member::User).collect(),
        (None, 2) => {
            let inner = [0, 3].into_iter().filter(|&inner| inner < shape.groups);
            inner.map(Member::Group).chain(some(3)).collect()
        }
        (None, 3) if shape.gone_member => {
            let gone = Member::Gone(if shape.numeric_ids {
                "999999".to_owned()
            } else {
                "gone-but-named".to_owned()
            });
            some(4).into_iter().chain([gone]).collect()
        }
        (None, n) => some(1 + n % 9),
    };
    Group {
        id,
        display_name: names::group(n),
        external_id: n.is_multiple_of(2).then(|| format!("ext-group-{n}")),
        members,
    }
}

fn right(kind: &str, names: &[&str], n: usize) -> Right {
    let display = names[n % names.len()];
    Right {
        value: format!("{kind}-{n}"),
        display: format!("{display} {n}"),
    }
}

fn id(rng: &mut Rng, number: usize, shape: &Shape) -> String {
    if shape.numeric_ids {
        number.to_string()
    } else {
        uuid(rng)
    }
}

fn uuid(rng: &mut Rng) -> String {
    let (a, b) = (rng.u64(..), rng.u64(..));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xfff,
        0x8000 | ((b >> 48) & 0x3fff),
        b & 0xffff_ffff_ffff,
    )
}
