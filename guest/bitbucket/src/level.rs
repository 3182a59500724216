//! Bitbucket's words for privileges, on the common scale. An unknown word has no level: guessing would
//! make a governance report wrong in silence.

use portcullis_kit::bindings::portcullis::connector::output::Level;

/// The level of an explicit grant on a project or repository.
pub(crate) fn of_grant(word: &str) -> Option<Level> {
    match word {
        "read" => Some(Level::Read),
        "write" => Some(Level::Write),
        "create-repo" => Some(Level::Create),
        "admin" => Some(Level::Admin),
        _ => None,
    }
}

/// The level of a role in a workspace. `collaborator` left the API in 2022 and says nothing.
pub(crate) fn of_role(word: &str) -> Option<Level> {
    match word {
        "member" => Some(Level::Member),
        "create-project" => Some(Level::Create),
        "owner" => Some(Level::Admin),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_word_has_no_level() {
        assert!(of_grant("maintain").is_none());
        assert!(of_role("collaborator").is_none());
        assert!(of_role("admin").is_none());
    }
}
