//! Characters that a reader does not see. They make two texts look the same.

/// Whether a character shows nothing where it stands: zero-width characters, joiners, bidi marks, soft hyphens, fillers,
/// variation selectors, tags, line and paragraph separators, and code points that are no characters.
///
/// Unicode's `Default_Ignorable_Code_Point`, and what else has no glyph.
pub(crate) fn is_invisible(character: char) -> bool {
    if character.is_ascii() {
        return false;
    }
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fdd0}'..='\u{fdef}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{13430}'..='\u{1343f}'
            | '\u{16fe4}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d159}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    ) || u32::from(character) & 0xfffe == 0xfffe
}

/// Whether a character looks like a space, or like nothing, and is not the space.
pub(crate) fn is_other_blank(character: char) -> bool {
    character != ' ' && character.is_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_told_from_what_people_write() {
        for hidden in [
            '\u{ad}',
            '\u{200b}',
            '\u{200d}',
            '\u{200e}',
            '\u{2028}',
            '\u{2029}',
            '\u{2060}',
            '\u{2800}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{fffe}',
            '\u{e0041}',
        ] {
            assert!(is_invisible(hidden), "{hidden:?}");
        }
        for seen in [
            'a', ' ', '\n', 'é', '山', '\u{3000}', '\u{301}', '👩', '\u{fffd}',
        ] {
            assert!(!is_invisible(seen), "{seen:?}");
        }
        assert!(is_other_blank('\u{a0}') && is_other_blank('\u{3000}') && !is_other_blank(' '));
    }
}
