//! A long list within a resource, such as a group's members: each value is taken as it comes, as soon as it
//! is known whose it is.

use crate::attributes::{Attributes, Value, each, text};
use portcullis_kit::client::{Client, Miss};
use portcullis_kit::cut::{Piece, Shape};
use portcullis_kit::id::Id;
use std::borrow::Cow;

/// What a reference leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    User,
    Group,
}

/// A value of `members` or of a user's `groups`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    /// None: it has no id that can be one.
    pub(crate) id: Option<Id>,
    /// What it leads to, where it says so.
    pub(crate) kind: Option<Kind>,
    pub(crate) display: Option<String>,
    /// It is said to come through another group.
    pub(crate) indirect: bool,
    /// It is said not to.
    pub(crate) direct: bool,
}

impl Reference {
    /// What a value says; a bare text or number is an id.
    pub(crate) fn of(value: &Value<'_>) -> Self {
        let Some(object) = value.object() else {
            return Self {
                id: text(value).and_then(|id| Id::new(&id)),
                kind: None,
                display: None,
                indirect: false,
                direct: false,
            };
        };
        let link = object.text("$ref");
        let mut link = link
            .as_deref()
            .unwrap_or_default()
            .trim_end_matches('/')
            .rsplit('/');
        let (last, endpoint) = (link.next(), link.next().unwrap_or_default());
        let word = object.text("type").unwrap_or_default();
        let is = |name: &str| {
            word.eq_ignore_ascii_case(name)
                || (!word.eq_ignore_ascii_case("user")
                    && !word.eq_ignore_ascii_case("group")
                    && endpoint
                        .strip_suffix(['s', 'S'])
                        .is_some_and(|one| one.eq_ignore_ascii_case(name)))
        };
        let kind = if is("group") {
            Some(Kind::Group)
        } else if is("user") {
            Some(Kind::User)
        } else {
            None
        };
        // What a link encodes is left alone: an id that needs that is given as the value.
        let linked = last.filter(|id| !endpoint.is_empty() && !id.contains('%'));
        let id = object
            .text("value")
            .or_else(|| object.text("id"))
            .or_else(|| linked.map(Cow::Borrowed));
        Self {
            id: id.as_deref().and_then(Id::new),
            kind,
            display: object
                .text("display")
                .or_else(|| object.text("displayName"))
                .map(Cow::into_owned),
            indirect: word.eq_ignore_ascii_case("indirect"),
            direct: word.eq_ignore_ascii_case("direct"),
        }
    }
}

/// The long list of one resource after the other.
pub(crate) struct Nested<T> {
    name: &'static str,
    /// The resource that was asked for, where one was.
    asked: Option<String>,
    take: T,
    owner: Option<Id>,
    /// Another resource came than was asked for.
    wrong: bool,
    /// What came before it was known whose it is.
    held: Vec<Reference>,
    count: usize,
    /// When the answer came.
    read_at: Option<u64>,
}

impl<T: FnMut(&Id, Reference, Option<u64>)> Nested<T> {
    /// Takes the attribute `name` of each resource, or of the one that was `asked` for.
    pub(crate) fn new(name: &'static str, asked: Option<&str>, take: T) -> Self {
        Self {
            name,
            asked: asked.map(str::to_owned),
            take,
            owner: None,
            wrong: false,
            held: Vec::new(),
            count: 0,
            read_at: None,
        }
    }

    /// Forgets a resource of which no more will come. When the answer came.
    pub(crate) fn anew(&mut self, read_at: Option<u64>) {
        self.read_at = read_at;
        self.owner = None;
        self.wrong = false;
        self.held.clear();
        self.count = 0;
    }

    /// The list is about to come; what the resource said before it.
    pub(crate) fn opened(&mut self, resource: &Attributes<'_>) {
        if let Some(id) = resource.id() {
            self.belongs(id);
        }
    }

    /// One value.
    pub(crate) fn part(&mut self, bytes: &[u8]) {
        self.reference(Reference::of(&Value::parse(bytes)));
    }

    /// The resource is complete: how many values it had. None: it is another than was asked for.
    pub(crate) fn close(&mut self, resource: &Attributes<'_>) -> Option<usize> {
        if let Some(id) = resource.id() {
            self.belongs(id);
        }
        // Values that were not cut out: a single one without brackets.
        if let Some(values) = resource.get(self.name) {
            each(values)
                .iter()
                .for_each(|value| self.reference(Reference::of(value)));
        }
        let count = self.count;
        let ours = !self.wrong && self.owner.is_some();
        self.anew(self.read_at);
        ours.then_some(count)
    }

    fn belongs(&mut self, id: Id) {
        self.wrong |= self
            .asked
            .as_ref()
            .is_some_and(|asked| asked != id.as_str());
        if self.wrong || self.owner.is_some() {
            self.held.clear();
            return;
        }
        for reference in std::mem::take(&mut self.held) {
            (self.take)(&id, reference, self.read_at);
        }
        self.owner = Some(id);
    }

    fn reference(&mut self, reference: Reference) {
        self.count = self.count.saturating_add(1);
        match &self.owner {
            _ if self.wrong => {}
            Some(owner) => (self.take)(owner, reference, self.read_at),
            None => self.held.push(reference),
        }
    }
}

/// Reads the long list of the one resource at `path`; the number of its values.
///
/// # Errors
/// [`Miss`] where it did not come.
pub(crate) async fn read<T: FnMut(&Id, Reference, Option<u64>)>(
    client: &Client<'_>,
    path: &str,
    slot: usize,
    shape: Shape,
    mut nested: Nested<T>,
) -> Result<usize, Miss> {
    let mut told = None;
    let mut give = |piece: Piece<'_>| match piece {
        Piece::Anew { read_at } => nested.anew(read_at),
        Piece::Opened { level: 0, text } => {
            if let Some(resource) = Attributes::parse(text) {
                nested.opened(&resource);
            }
        }
        Piece::Whole { level: 1, text } => nested.part(text),
        Piece::Whole { level: 0, text } => {
            told = Attributes::parse(text).and_then(|resource| nested.close(&resource));
        }
        Piece::Opened { .. } | Piece::Whole { .. } => {}
    };
    client.get_cut(path, Some(slot), shape, &mut give).await?;
    told.ok_or_else(|| Miss::Failed("the answer is not what was asked for".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_reference_leads_to_is_told_by_its_type_or_else_by_its_link() {
        let kind = |value: serde_json::Value| Reference::of(&(&value).into()).kind;
        assert_eq!(
            kind(json!({"value": "1", "type": "GROUP"})),
            Some(Kind::Group)
        );
        assert_eq!(
            kind(json!({"value": "1", "type": "User", "$ref": "x/Groups/1"})),
            Some(Kind::User)
        );
        assert_eq!(
            kind(json!({"value": "1", "type": "direct", "$ref": "https://x/v2/groups/1"})),
            Some(Kind::Group)
        );
        assert_eq!(
            kind(json!({"value": "1", "$ref": "../Users/1/"})),
            Some(Kind::User)
        );
        assert_eq!(kind(json!({"value": "1"})), None);
        assert!(Reference::of(&(&json!({"value": "1", "type": "Indirect"})).into()).indirect);
    }

    #[test]
    fn an_id_is_found_wherever_a_server_puts_it() {
        for value in [
            json!({"VALUE": "7"}),
            json!({"value": 7}),
            json!("7"),
            json!(7),
            json!({"$ref": "/v2/Users/7"}),
        ] {
            assert_eq!(Reference::of(&(&value).into()).id, Id::new("7"), "{value}");
        }
        for value in [
            json!({"display": "Ann"}),
            json!({}),
            json!(null),
            json!({"value": ""}),
        ] {
            assert_eq!(Reference::of(&(&value).into()).id, None, "{value}");
        }
    }

    #[test]
    fn values_that_come_before_the_id_wait_for_it_and_those_of_another_resource_are_dropped() {
        let row = |value: serde_json::Value| Attributes::from(&value);
        let mut taken = Vec::new();
        let mut nested = Nested::new(
            "members",
            Some("g"),
            |owner: &Id, reference: Reference, _| {
                taken.push((owner.clone(), reference.id));
            },
        );
        nested.opened(&row(json!({"displayName": "x"})));
        nested.part(br#"{"value":"1"}"#);
        assert_eq!(
            nested.close(&row(json!({"members": [], "id": "g"}))),
            Some(1)
        );
        nested.opened(&row(json!({})));
        nested.part(br#"{"value":"2"}"#);
        assert_eq!(nested.close(&row(json!({"id": "other"}))), None);
        nested.opened(&row(json!({"id": "g"})));
        nested.part(br#"{"value":"3"}"#);
        let told = nested.close(&row(json!({"id": "g"})));
        assert_eq!(told, Some(1));
        let ids: Vec<_> = taken.into_iter().map(|(_, id)| id).collect();
        assert_eq!(ids, [Id::new("1"), Id::new("3")]);
    }
}
