//! A workspace, made from a seed.

use std::collections::HashSet;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::names;
use crate::rng::Rng;

/// How large a workspace is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Members of the workspace; at least its owner is made.
    pub users: usize,
    /// Groups that the workspace lists.
    pub groups: usize,
    /// Projects; at least one is made where there are repositories.
    pub projects: usize,
    /// Repositories.
    pub repositories: usize,
}

/// What kind of workspace it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Features {
    /// The workspace's slug, lower case.
    pub workspace_slug: String,
    /// A person's own workspace: its uuid is its owner's.
    pub personal: bool,
    /// Moved to admin.atlassian.com: nobody's last access or joining date, invitations answer 404.
    pub migrated: bool,
    /// Grants and memberships name users and groups that no list holds.
    pub dangling: bool,
    /// Some roles and grants use words that the documentation doesn't know (`guest`, `maintain`).
    pub unknown_words: bool,
}

impl Default for Features {
    fn default() -> Self {
        Self {
            workspace_slug: "acme".into(),
            personal: false,
            migrated: false,
            dangling: true,
            unknown_words: false,
        }
    }
}

/// Everything that the fake serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct World {
    /// What kind of workspace this is.
    pub features: Features,
    /// The workspace.
    pub workspace: Workspace,
    /// Members, then the outsiders that only grants and memberships name. The first is an owner.
    pub users: Vec<User>,
    /// Groups that are listed, then those that only grants name.
    pub groups: Vec<Group>,
    /// Projects, some without repositories.
    pub projects: Vec<Project>,
    /// Repositories, in the order in which the API lists them when asked for no other.
    pub repositories: Vec<Repository>,
    /// Invitations that nobody has answered yet.
    pub invitations: Vec<Invitation>,
}

/// The workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// In braces.
    pub uuid: String,
    /// Lower case.
    pub slug: String,
    /// For people.
    pub name: String,
    /// Without an offset; so are all instants here.
    pub created_on: String,
}

/// An Atlassian account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// In braces.
    pub uuid: String,
    /// Some old accounts have none.
    pub account_id: Option<String>,
    /// What people read; never a line break.
    pub display_name: String,
    /// Not unique.
    pub nickname: String,
    /// The e-mail address, which no answer shows.
    pub email: String,
    /// An `app_user`: never in a group, so that its kind is told wherever it is named.
    pub app: bool,
    /// When the account was made.
    pub created_on: String,
    /// Shown only on demand.
    pub has_2fa_enabled: bool,
    /// None for outsiders.
    pub membership: Option<Membership>,
}

/// What ties a user to the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// `owner`, `member`, now and then `create-project` or `collaborator`.
    pub role: String,
    /// When the user joined.
    pub added_on: String,
    /// When the user last did something.
    pub last_accessed: Option<String>,
}

/// A group of users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// For people.
    pub name: String,
    /// Unique in the workspace.
    pub slug: String,
    /// What the group gets on new repositories.
    pub permission: Option<String>,
    /// Whether it gets that by itself.
    pub auto_add: bool,
    /// The group's right in the workspace: `admin`, `collaborator` or none.
    pub account_privilege: Option<String>,
    /// Indexes into `World::users`.
    pub members: Vec<usize>,
    /// Whether the list of groups holds it.
    pub listed: bool,
}

/// A project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// In braces.
    pub uuid: String,
    /// Upper case.
    pub key: String,
    /// For people.
    pub name: String,
    /// May be empty.
    pub description: String,
    /// Never true where a repository of it is public.
    pub is_private: bool,
    /// Whether a repository of it is public.
    pub has_publicly_visible_repos: bool,
    /// When it was made.
    pub created_on: String,
    /// Who was given access.
    pub access: Access,
}

/// A repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// In braces.
    pub uuid: String,
    /// Unique in the workspace.
    pub slug: String,
    /// For people; often not the slug.
    pub name: String,
    /// May be empty.
    pub description: String,
    /// False: everyone may read it.
    pub is_private: bool,
    /// `allow_forks`, `no_public_forks` or `no_forks`.
    pub fork_policy: String,
    /// None while it is empty.
    pub mainbranch: Option<String>,
    /// The repository that it was forked from, an index into `World::repositories`.
    pub parent: Option<usize>,
    /// An index into `World::projects`.
    pub project: usize,
    /// Bytes.
    pub size: u64,
    /// May be empty.
    pub language: String,
    /// When it was made.
    pub created_on: String,
    /// When it last changed.
    pub updated_on: String,
    /// Who was given access.
    pub access: Access,
}

/// Who was given access to a project or repository, explicitly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Index into `World::users` and Bitbucket's word.
    pub users: Vec<(usize, String)>,
    /// Index into `World::groups` and Bitbucket's word.
    pub groups: Vec<(usize, String)>,
    /// Access keys.
    pub deploy_keys: Vec<DeployKey>,
}

/// An access key of a project or repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployKey {
    /// Unique in the whole world.
    pub id: u64,
    /// The public key, as `ssh-ed25519 AAAA...` or `ssh-rsa AAAA...`, some with the comment behind it.
    pub key: String,
    /// What its owner called it.
    pub label: String,
    /// The key's own comment.
    pub comment: String,
    /// When it was added.
    pub created_on: String,
    /// When it was last used.
    pub last_used: Option<String>,
}

/// An invitation that nobody has answered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Whom it was sent to.
    pub email: String,
    /// An index into `World::groups`.
    pub group: Option<usize>,
    /// When it was sent.
    pub sent_on: String,
}

impl World {
    /// The workspace of this seed and size, of the usual kind.
    pub fn generate(seed: u64, sizes: Sizes) -> Self {
        Self::generate_with(seed, sizes, &Features::default())
    }

    /// The workspace of this seed, size and kind.
    pub fn generate_with(seed: u64, sizes: Sizes, features: &Features) -> Self {
        let mut rng = Rng::new(seed ^ 0x0B17_B0C4_E7FA_CADE);
        let mut workspace = Workspace {
            uuid: rng.uuid(),
            slug: features.workspace_slug.clone(),
            name: "Acme, Inc.".into(),
            created_on: rng.instant(2012, 2016),
        };
        let users = users(&mut rng, sizes.users.max(1), features);
        if features.personal {
            workspace.uuid = users[0].uuid.clone();
            workspace.name = users[0].display_name.clone();
        }
        let groups = groups(&mut rng, sizes.groups, &users, features);
        let mut making = Making {
            rng,
            users: &users,
            groups: &groups,
            features,
            keys: 0,
        };
        let at_least = usize::from(sizes.repositories > 0);
        let mut projects = making.projects(sizes.projects.max(at_least));
        let repositories = making.repositories(sizes.repositories, &mut projects);
        let invitations = (0..3)
            .map(|n| Invitation {
                email: format!("invited{n}@example.com"),
                group: (!groups.is_empty() && n != 1)
                    .then(|| making.rng.below(sizes.groups.max(1))),
                sent_on: making.rng.instant(2026, 2026),
            })
            .collect();
        Self {
            features: features.clone(),
            workspace,
            users,
            groups,
            projects,
            repositories,
            invitations,
        }
    }

    /// The members, in the order of the lists.
    pub fn members(&self) -> impl Iterator<Item = (&User, &Membership)> {
        self.users.iter().filter_map(|user| {
            user.membership
                .as_ref()
                .map(|membership| (user, membership))
        })
    }

    /// `workspace/repository`.
    pub fn full_name(&self, repository: &Repository) -> String {
        format!("{}/{}", self.workspace.slug, repository.slug)
    }
}

fn users(rng: &mut Rng, count: usize, features: &Features) -> Vec<User> {
    let outsiders = if features.dangling { 2 + count / 50 } else { 0 };
    let mut users = Vec::with_capacity(count + outsiders);
    for n in 0..count + outsiders {
        let member = n < count;
        let app = if member {
            n == 6 || (n > 12 && rng.chance(3))
        } else {
            n == count + 1
        };
        let awkward = (n % 3 == 1 && n < 36) || rng.chance(3);
        let display_name = if app {
            names::APPS[n % names::APPS.len()].to_owned()
        } else if awkward {
            names::AWKWARD[n / 3 % names::AWKWARD.len()].to_owned()
        } else {
            format!("{} {}", rng.pick(names::GIVEN), rng.pick(names::FAMILY))
        };
        let uuid = rng.uuid();
        let account_id = match n % 3 {
            _ if n == 8 || (n > 12 && rng.chance(4)) => None,
            0 => Some(format!(
                "{:024x}",
                u128::from(rng.next()) << 24 | u128::from(n as u64)
            )),
            1 => Some(format!("557058:{}", uuid.trim_matches(['{', '}']))),
            _ => Some(format!("712020:{}", uuid.trim_matches(['{', '}']))),
        };
        let role = match n {
            0 => "owner",
            2 if features.unknown_words => "guest",
            3 => "create-project",
            5 => "collaborator",
            _ if rng.chance(5) && !app => "owner",
            _ => "member",
        };
        users.push(User {
            account_id,
            nickname: names::slug(&display_name, "someone"),
            email: format!("user{n}@example.com"),
            app,
            created_on: rng.instant(2012, 2025),
            has_2fa_enabled: rng.chance(60),
            membership: member.then(|| Membership {
                role: role.into(),
                added_on: rng.instant(2016, 2025),
                last_accessed: rng.chance(80).then(|| rng.instant(2026, 2026)),
            }),
            uuid,
            display_name,
        });
    }
    users
}

fn groups(rng: &mut Rng, count: usize, users: &[User], features: &Features) -> Vec<Group> {
    let ghosts = if features.dangling { 2 } else { 0 };
    let people: Vec<usize> = (0..users.len())
        .filter(|&n| users[n].membership.is_some() && !users[n].app)
        .collect();
    let outsider = (0..users.len()).find(|&n| users[n].membership.is_none() && !users[n].app);
    let mut taken = HashSet::new();
    let mut groups = Vec::with_capacity(count + ghosts);
    for n in 0..count + ghosts {
        let listed = n < count;
        let name = match n {
            _ if !listed => format!("Former Team {}", n - count + 1),
            0 => "Administrators".into(),
            _ if n <= names::GROUPS.len() => names::GROUPS[n - 1].into(),
            _ => format!("{} {n}", rng.pick(names::GROUPS)),
        };
        let mut members: Vec<usize> = match n {
            0 => (0..users.len())
                .filter(|&u| {
                    users[u]
                        .membership
                        .as_ref()
                        .is_some_and(|m| m.role == "owner")
                })
                .collect(),
            _ if !listed || n == 2 || rng.chance(10) => Vec::new(),
            _ => {
                let most = 2 + people.len() / 4;
                let wanted = 1 + rng.below(most.min(60));
                rng.some(wanted, people.len())
                    .into_iter()
                    .map(|u| people[u])
                    .collect()
            }
        };
        if listed && (n == 1 || rng.chance(5)) {
            members.extend(outsider);
        }
        groups.push(Group {
            slug: unique(&mut taken, names::slug(&name, "group")),
            name,
            permission: match n {
                0 => Some("admin".into()),
                _ => [Some("write"), Some("read"), None][n % 3].map(str::to_owned),
            },
            auto_add: rng.chance(25),
            account_privilege: match n {
                0 => Some("admin".into()),
                1 => Some("collaborator".into()),
                _ => None,
            },
            members,
            listed,
        });
    }
    groups
}

fn unique(taken: &mut HashSet<String>, wanted: String) -> String {
    let mut name = wanted.clone();
    let mut n = 1;
    while !taken.insert(name.clone()) {
        n += 1;
        name = format!("{wanted}-{n}");
    }
    name
}

struct Making<'a> {
    rng: Rng,
    users: &'a [User],
    groups: &'a [Group],
    features: &'a Features,
    keys: u64,
}

impl Making<'_> {
    fn projects(&mut self, count: usize) -> Vec<Project> {
        let words = ["admin", "create-repo", "write", "read"];
        (0..count)
            .map(|n| {
                let (key, name) = match names::PROJECTS.get(n) {
                    Some((key, name)) => ((*key).to_owned(), (*name).to_owned()),
                    None => (
                        format!("PRJ{n}"),
                        format!("{} {n}", self.rng.pick(names::PROJECTS).1),
                    ),
                };
                Project {
                    uuid: self.rng.uuid(),
                    key,
                    description: if self.rng.chance(30) {
                        String::new()
                    } else {
                        format!("Everything about {name}")
                    },
                    name,
                    is_private: true,
                    has_publicly_visible_repos: false,
                    created_on: self.rng.instant(2016, 2022),
                    access: self.access(n, &words),
                }
            })
            .collect()
    }

    fn repositories(&mut self, count: usize, projects: &mut [Project]) -> Vec<Repository> {
        let words = ["read", "write", "admin"];
        let homes: Vec<usize> = match projects.len() {
            0..=2 => (0..projects.len()).collect(),
            many => (0..many - 1).filter(|n| n % 9 != 8).collect(),
        };
        let mut taken = HashSet::new();
        let mut repositories: Vec<Repository> = Vec::with_capacity(count);
        for n in 0..count {
            let name = format!(
                "{} {}",
                self.rng.pick(names::THINGS),
                self.rng.pick(names::SORTS)
            );
            let project = if n < homes.len() {
                homes[n]
            } else {
                *self.rng.pick(&homes)
            };
            let public = n == 2 || self.rng.chance(12);
            if public {
                projects[project].is_private = false;
                projects[project].has_publicly_visible_repos = true;
            }
            let created_on = self.rng.instant(2017, 2024);
            repositories.push(Repository {
                uuid: self.rng.uuid(),
                slug: unique(&mut taken, names::slug(&name, "repository")),
                description: match self.rng.below(3) {
                    0 => String::new(),
                    1 => format!("{name}: \"the\" one, really\nSecond line"),
                    _ => format!("Code of {name}"),
                },
                name,
                is_private: !public,
                fork_policy: (*self
                    .rng
                    .pick(&["allow_forks", "no_public_forks", "no_forks"]))
                .into(),
                mainbranch: (n != 1 && !self.rng.chance(10))
                    .then(|| (*self.rng.pick(&["main", "master"])).into()),
                parent: (n > 3 && (n == 4 || self.rng.chance(5))).then(|| self.rng.below(n)),
                project,
                size: self.rng.next() % 90_000_000,
                language: (*self.rng.pick(names::LANGUAGES)).into(),
                updated_on: format!("2025{}", &created_on[4..]),
                created_on,
                access: self.access(n, &words),
            });
        }
        repositories
    }

    /// Grants and keys for the project or repository number `n`. The owners of a workspace can't be
    /// named in a grant.
    fn access(&mut self, n: usize, words: &[&str]) -> Access {
        let members = self
            .users
            .iter()
            .filter(|user| user.membership.is_some())
            .count();
        let listed = self.groups.iter().filter(|group| group.listed).count();
        let mut access = Access::default();
        let wanted = self.rng.below(4);
        for user in self.rng.some(wanted, members) {
            if self.users[user]
                .membership
                .as_ref()
                .is_none_or(|m| m.role != "owner")
            {
                access.users.push((user, (*self.rng.pick(words)).into()));
            }
        }
        let wanted = self.rng.below(4);
        for group in self.rng.some(wanted, listed) {
            access.groups.push((group, (*self.rng.pick(words)).into()));
        }
        if n == 0 || self.rng.chance(2) {
            let outsiders = self.users.len() - members;
            if outsiders > 0 {
                let outsider = members + self.rng.below(outsiders);
                access
                    .users
                    .push((outsider, (*self.rng.pick(words)).into()));
            }
            let ghosts = self.groups.len() - listed;
            if ghosts > 0 {
                let ghost = listed + self.rng.below(ghosts);
                access.groups.push((ghost, (*self.rng.pick(words)).into()));
            }
        }
        if self.features.unknown_words
            && (n == 0 || self.rng.chance(5))
            && let Some((_, word)) = access.users.first_mut()
        {
            *word = "maintain".into();
        }
        if n == 0 || self.rng.chance(20) {
            let wanted = 1 + self.rng.below(3);
            access.deploy_keys = (0..wanted).map(|_| self.deploy_key()).collect();
        }
        access
    }

    fn deploy_key(&mut self) -> DeployKey {
        self.keys += 1;
        let id = 1_000 + self.keys * 7;
        let comment = format!(
            "{}@build-{}",
            self.rng.pick(&["ci", "jenkins", "root"]),
            self.rng.below(100)
        );
        let key = if self.rng.chance(50) {
            let point = self.rng.bytes(32);
            format!(
                "ssh-ed25519 {}",
                STANDARD.encode([field(b"ssh-ed25519"), field(&point)].concat())
            )
        } else {
            let mut modulus = self.rng.bytes(257);
            modulus[0] = 0;
            modulus[1] |= 0x80;
            format!(
                "ssh-rsa {}",
                STANDARD.encode([field(b"ssh-rsa"), field(&[1, 0, 1]), field(&modulus)].concat())
            )
        };
        DeployKey {
            id,
            key: if self.rng.chance(30) {
                format!("{key} {comment}")
            } else {
                key
            },
            label: match self.rng.below(4) {
                0 => "=deploy, \"prod\"".into(),
                1 => "clé de déploiement".into(),
                n => format!("build server {n}"),
            },
            comment,
            created_on: self.rng.instant(2018, 2025),
            last_used: self.rng.chance(50).then(|| self.rng.instant(2026, 2026)),
        }
    }
}

/// A length and that many bytes, as SSH writes them.
fn field(bytes: &[u8]) -> Vec<u8> {
    let mut out = (bytes.len() as u32).to_be_bytes().to_vec();
    out.extend_from_slice(bytes);
    out
}
