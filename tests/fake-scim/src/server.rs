//! The fake, listening.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Response, StatusCode, header};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use fake_api::{Listener, Listening, broken};
use serde_json::Value;

use crate::answer::{Answer, Problem};
use crate::asked::Asked;
use crate::behaviour::Behaviour;
use crate::discovery;
use crate::family::Family;
use crate::faults::FaultKind;
use crate::filter::Wanted;
use crate::index::Index;
use crate::paging::{Paging, Sort};
use crate::refuse::Refuse;
use crate::requests::{Requests, Seen};
use crate::resources::{Showing, right_id};
use crate::world::{Member, World};

/// How the fake is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// The path that everything is below, without a slash at its end; may be empty.
    pub prefix: String,
    /// The bearer token that is right; None: none is.
    pub bearer: Option<String>,
    /// The user name and password that are right; None: none are. Without either everyone is let in.
    pub basic: Option<(String, String)>,
    /// What it does beside answering well.
    pub behaviour: Behaviour,
    /// 0: one that is free.
    pub port: u16,
}

/// The bearer token that is right unless a test says otherwise.
pub const TOKEN: &str = "scim-t0ken-of-the-tests";

impl Default for Config {
    /// One bearer token, `/scim/v2`, no misbehaviour, any port.
    fn default() -> Self {
        Self {
            prefix: "/scim/v2".into(),
            bearer: Some(TOKEN.into()),
            basic: None,
            behaviour: Behaviour::default(),
            port: 0,
        }
    }
}

/// A fake that runs until it is dropped.
#[derive(Debug)]
pub struct Server {
    base: String,
    served: Arc<Served>,
    _listening: Listening,
}

#[derive(Debug)]
struct Served {
    base: String,
    index: Index,
    world: World,
    config: Config,
    seen: Mutex<Vec<Seen>>,
    /// How often each URL has failed, where it fails at first.
    failed: Mutex<HashMap<String, u32>>,
    /// The families whose walk had a cursor that expired.
    expired: Mutex<HashSet<Family>>,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
}

impl Server {
    /// Listens on 127.0.0.1 and serves `world` from the current tokio runtime.
    ///
    /// # Errors
    /// Where the port is taken.
    pub async fn start(world: World, config: Config) -> io::Result<Self> {
        let listener = Listener::bind(config.port).await?;
        let base = format!("{}{}", listener.origin(), config.prefix);
        let served = Arc::new(Served {
            base: base.clone(),
            index: Index::new(&world),
            world,
            config,
            seen: Mutex::default(),
            failed: Mutex::default(),
            expired: Mutex::default(),
            under_way: AtomicUsize::new(0),
            most_under_way: AtomicUsize::new(0),
        });
        let router = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&served));
        Ok(Self {
            base,
            served,
            _listening: listener.serve(router),
        })
    }

    /// `http://127.0.0.1:PORT` and the prefix, without a slash at the end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Everything that was asked so far.
    pub fn requests(&self) -> Requests {
        Requests(lock(&self.served.seen).clone())
    }

    /// The most requests that were under way at once.
    pub fn most_under_way(&self) -> usize {
        self.served.most_under_way.load(Ordering::SeqCst)
    }

    /// What it serves.
    pub fn world(&self) -> &World {
        &self.served.world
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Leaving<'a>(&'a AtomicUsize);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A request, taken apart.
struct Asking<'a> {
    method: &'a Method,
    headers: &'a HeaderMap,
    below_prefix: bool,
    family: Family,
    id: Option<String>,
    asked: Asked,
}

async fn handle(State(served): State<Arc<Served>>, request: Request) -> Response<Body> {
    let now = served.under_way.fetch_add(1, Ordering::SeqCst) + 1;
    served.most_under_way.fetch_max(now, Ordering::SeqCst);
    let _leaving = Leaving(&served.under_way);
    let latency = served.config.behaviour.latency;
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let path = request.uri().path();
    let query = request.uri().query().unwrap_or_default();
    let below = path.strip_prefix(&*served.config.prefix);
    // Whoever resolves dots would be led out of it.
    let below =
        below.filter(|rest| rest.is_empty() || rest.starts_with('/') && !rest.contains("/.."));
    let (family, id) = below.map_or((Family::Other, None), Family::at);
    let asking = Asking {
        method: request.method(),
        headers: request.headers(),
        below_prefix: below.is_some(),
        family,
        id,
        asked: Asked::read(query),
    };
    let fault = served.fault(family, &format!("{path}?{query}"));
    let answer = match &fault {
        Some(FaultKind::TooMany(after)) => {
            let problem = Problem::new(429, "Too many requests");
            Err(match after {
                Some(after) => problem.with("retry-after", after.clone()),
                None => problem,
            })
        }
        Some(FaultKind::Status(status)) => Err(Problem::new(*status, "Try again later")),
        Some(FaultKind::CutOff | FaultKind::Reset) | None => served.answer(&asking),
    };
    let answer = answer.unwrap_or_else(|problem| served.dressed(problem, &asking));
    let reset = fault == Some(FaultKind::Reset);
    lock(&served.seen).push(Seen {
        method: request.method().to_string(),
        path: path.to_owned(),
        query: query.to_owned(),
        family,
        below_prefix: asking.below_prefix,
        with_credential: request.headers().contains_key(header::AUTHORIZATION),
        status: if reset { 0 } else { answer.status },
        bytes: answer.body.len(),
    });
    match fault {
        Some(FaultKind::Reset) => broken(Vec::new(), None),
        Some(FaultKind::CutOff) => cut_off(answer),
        _ => into_response(answer),
    }
}

fn into_response(answer: Answer) -> Response<Body> {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, answer.content_type);
    for (name, value) in &answer.headers {
        response = response.header(*name, value);
    }
    response.body(Body::from(answer.body)).unwrap_or_default()
}

fn cut_off(mut answer: Answer) -> Response<Body> {
    let length = answer.body.len();
    answer.body.truncate(length / 2);
    let mut response = broken(answer.body, Some(length));
    let content_type = header::HeaderValue::from_static(answer.content_type);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}

impl Served {
    /// What goes wrong with this request, if it is still time for that.
    fn fault(&self, family: Family, url: &str) -> Option<FaultKind> {
        let faults = &self.config.behaviour.faults;
        let fits = |only: Option<Family>| only.is_none_or(|only| only == family);
        let fault = faults.iter().find(|fault| fits(fault.only))?;
        let mut failed = lock(&self.failed);
        let count = failed.entry(url.to_owned()).or_insert(0);
        if *count >= fault.times {
            return None;
        }
        *count += 1;
        Some(fault.kind.clone())
    }

    fn dressed(&self, mut problem: Problem, asking: &Asking<'_>) -> Answer {
        let behaviour = &self.config.behaviour;
        let presented = asking.headers.get(header::AUTHORIZATION);
        let presented = presented.and_then(|value| value.to_str().ok());
        if let (true, Some(presented)) = (behaviour.echo_credentials, presented) {
            problem.detail += &format!(". You sent {presented}");
        }
        problem.dressed(behaviour.errors)
    }

    fn admitted(&self, headers: &HeaderMap) -> bool {
        let (bearer, basic) = (&self.config.bearer, &self.config.basic);
        let presented = headers.get(header::AUTHORIZATION);
        let presented = presented.and_then(|value| value.to_str().ok());
        let is = |right: String| presented == Some(&*right);
        let bearer_fits = bearer
            .as_ref()
            .is_some_and(|token| is(format!("Bearer {token}")));
        let basic_fits = basic.as_ref().is_some_and(|(name, password)| {
            is(format!(
                "Basic {}",
                STANDARD.encode(format!("{name}:{password}"))
            ))
        });
        bearer_fits || basic_fits || (bearer.is_none() && basic.is_none())
    }

    fn answer(&self, asking: &Asking<'_>) -> Result<Answer, Problem> {
        let behaviour = &self.config.behaviour;
        let open = asking.family == Family::ServiceProviderConfig && !behaviour.discovery.closed;
        if !asking.below_prefix {
            return Err(Problem::new(404, "There is nothing here"));
        }
        if !open && !self.admitted(asking.headers) {
            let problem = Problem::new(401, "Authorization failure");
            return Err(problem.with("www-authenticate", "Bearer"));
        }
        if asking.method != Method::GET {
            return Err(Problem::new(405, "Only GET is allowed").with("allow", "GET"));
        }
        self.acceptable(asking.headers)?;
        let later = asking
            .asked
            .start_index
            .as_deref()
            .is_some_and(|start| start != "1")
            || asking
                .asked
                .cursor
                .as_deref()
                .is_some_and(|cursor| !cursor.is_empty());
        let fits = |refuse: &&Refuse| refuse.fits(asking.family, asking.id.as_deref(), later);
        if let Some(refuse) = behaviour.refuse.iter().find(fits) {
            return refuse.how.answer();
        }
        let value = match asking.family {
            Family::ServiceProviderConfig => {
                discovery::service_provider_config(behaviour, &self.base)
            }
            Family::ResourceTypes | Family::Schemas => self.described(asking)?,
            Family::Users | Family::Groups => self.resources(asking)?,
            Family::Roles | Family::Entitlements if behaviour.right_lists => {
                self.resources(asking)?
            }
            _ => return Err(no_such()),
        };
        Ok(Answer::ok(&behaviour.values.respelled(value)))
    }

    fn acceptable(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let behaviour = &self.config.behaviour;
        let accepts = |what: &str| {
            let mut values = headers.get_all(header::ACCEPT).iter();
            values.any(|value| value.to_str().is_ok_and(|value| value.contains(what)))
        };
        let scim = !behaviour.accepts_scim_only || accepts("application/scim+json");
        let json = !behaviour.accepts_json_only || !accepts("scim+json");
        match scim && json {
            true => Ok(()),
            false => Err(Problem::new(406, "Not acceptable")),
        }
    }

    /// Resource types and schemas: one, or all of them on one page.
    fn described(&self, asking: &Asking<'_>) -> Result<Value, Problem> {
        let behaviour = &self.config.behaviour;
        if asking.asked.filter.is_some() {
            return Err(Problem::new(403, "Filters are not allowed here"));
        }
        let all = match asking.family {
            Family::ResourceTypes => {
                discovery::resource_types(behaviour, &self.base, &self.config.prefix)
            }
            _ => {
                let atlassian = self
                    .world
                    .users
                    .iter()
                    .any(|user| user.account_id.is_some());
                discovery::schemas(behaviour, &self.base, atlassian)
            }
        };
        match &asking.id {
            Some(id) => all
                .into_iter()
                .find(|one| one["id"] == **id)
                .ok_or_else(no_such),
            None => {
                let everything = Paging::default();
                let page = everything.page(all.len(), &Asked::default(), false)?;
                Ok(page.envelope(all))
            }
        }
    }

    fn resources(&self, asking: &Asking<'_>) -> Result<Value, Problem> {
        let behaviour = &self.config.behaviour;
        let (family, asked) = (asking.family, &asking.asked);
        let showing = Showing {
            world: &self.world,
            index: &self.index,
            behaviour,
            base: &self.base,
        };
        let show = |n: usize| {
            let shown = match family {
                Family::Users => showing.user(n),
                Family::Groups => showing.group(n, asking.id.is_some()),
                _ => showing.right(family, n),
            };
            behaviour.attributes.select(shown, asked)
        };
        if let Some(id) = &asking.id {
            return self.find(family, id).map(show).ok_or_else(no_such);
        }
        let paging = match &behaviour.groups_paging {
            Some(paging) if family == Family::Groups => paging,
            _ => &behaviour.paging,
        };
        let mut found = self.found(family, asked)?;
        if asked.sort_by.is_some() && paging.sort == Sort::Honoured {
            found.sort_by_key(|&n| self.id(family, n));
        }
        let later = asked
            .cursor
            .as_deref()
            .is_some_and(|cursor| !cursor.is_empty());
        let expired = paging.cursor_expires && later && lock(&self.expired).insert(family);
        let page = paging.page(found.len(), asked, expired)?;
        let rows = page.rows.iter().map(|&row| show(found[row])).collect();
        Ok(page.envelope(rows))
    }

    fn id(&self, family: Family, n: usize) -> String {
        let world = &self.world;
        let right = |right| right_id(family, right, &self.config.behaviour);
        match family {
            Family::Users => world.users[n].id.clone(),
            Family::Groups => world.groups[n].id.clone(),
            Family::Roles => right(&world.roles[n]),
            _ => right(&world.entitlements[n]),
        }
    }

    fn count(&self, family: Family) -> usize {
        match family {
            Family::Users => self.world.users.len(),
            Family::Groups => self.world.groups.len(),
            Family::Roles => self.world.roles.len(),
            _ => self.world.entitlements.len(),
        }
    }

    fn find(&self, family: Family, id: &str) -> Option<usize> {
        match family {
            Family::Users => self.index.users.get(id).copied(),
            Family::Groups => self.index.groups.get(id).copied(),
            _ => (0..self.count(family)).find(|&n| self.id(family, n) == id),
        }
    }

    /// What a filter leaves, by index.
    fn found(&self, family: Family, asked: &Asked) -> Result<Vec<usize>, Problem> {
        let world = &self.world;
        let known: &[&str] = match family {
            Family::Users => &["username", "externalid"],
            Family::Groups => &["displayname", "members.value"],
            _ => &[],
        };
        let filters = self.config.behaviour.filters;
        let count = self.count(family);
        let (attribute, text) = match filters.read(asked.filter.as_deref(), known)? {
            Wanted::Everything => return Ok((0..count).collect()),
            Wanted::Nothing => return Ok(Vec::new()),
            Wanted::Equal(attribute, text) => (attribute, text),
        };
        let fits = |&n: &usize| match &*attribute {
            "username" => world.users[n].user_name.eq_ignore_ascii_case(&text),
            "externalid" => world.users[n].external_id.as_ref() == Some(&text),
            "displayname" => world.groups[n].display_name.eq_ignore_ascii_case(&text),
            _ => world.groups[n].members.iter().any(|member| match member {
                Member::User(user) => world.users[*user].id == text,
                Member::Group(group) => world.groups[*group].id == text,
                Member::Gone(id) => *id == text,
            }),
        };
        Ok((0..count).filter(fits).collect())
    }
}

fn no_such() -> Problem {
    Problem::new(404, "Specified resource or endpoint does not exist")
}
