use portcullis::collect::{
    Before, Collector, Entity, EntityType, Format, Item, Key, Metadatum, Origin, Relation,
    RelationKind, RunFile, export,
};
use portcullis::limits::Limits;
use portcullis::vault::Vault;
use std::collections::BTreeMap;

/// Whatever is emitted is refused, or comes out of the CSV files as it went in, but for what steers a display or a
/// spreadsheet. The input: texts, separated by 0xff; each is an id, a name and a piece of metadata in turn.
///
/// # Panics
/// Where that does not hold.
pub fn exports(data: &[u8]) {
    let texts: Vec<String> = data
        .split(|byte| *byte == 0xff)
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .collect();
    let directory = tempfile::tempdir().expect("a directory");
    let file = RunFile::create(":memory:".as_ref()).expect("a run file");
    let vault = Vault::new(Default::default());
    let redactor = vault.redactor().clone();
    let mut collector = Collector::new(file, redactor, Limits::default(), Default::default());
    let key = |id: &str| Key {
        entity_type: EntityType::Resource,
        source_id: id.to_owned(),
    };
    let mut taken: BTreeMap<String, (String, String)> = BTreeMap::new();
    let mut before: Option<String> = None;
    for three in texts.chunks(3) {
        let [id, name, note] = three else { continue };
        if taken.contains_key(id) {
            continue;
        }
        let entity = Item::Entity(Entity {
            key: key(id),
            source_type: "thing".to_owned(),
            name: name.clone(),
            metadata: vec![("note".to_owned(), Metadatum::Text(note.clone()))],
        });
        match collector.take(entity, Origin::Unknown) {
            Ok(Before::LeftOut) | Err(_) => continue,
            Ok(_) => {}
        }
        taken.insert(id.clone(), (name.clone(), note.clone()));
        if let Some(before) = before.replace(id.clone()) {
            let relation = Item::Relation(Relation {
                kind: RelationKind::Containment,
                parent: key(&before),
                child: key(id),
                privilege: "contains".to_owned(),
                level: None,
                metadata: Vec::new(),
            });
            collector
                .take(relation, Origin::Unknown)
                .expect("both ends were taken");
        }
    }
    let mut file = collector.into_file().expect("a run file");
    assert_eq!(file.set_missing_apart().expect("a query").relations, 0);
    assert_eq!(
        file.containment_circles().expect("a query"),
        taken.len().saturating_sub(65) as u64
    );
    export(&file, "app", Format::Csv, directory.path()).expect("exports");

    let read = |name: &str| -> Vec<csv::StringRecord> {
        let mut reader = csv::Reader::from_path(directory.path().join(name)).expect("an export");
        reader.records().collect::<Result<_, _>>().expect("rows")
    };
    let entities = read("entities.csv");
    assert_eq!(entities.len(), taken.len());
    for row in &entities {
        let (name, note) = &taken[&row[4]];
        let name = if name.is_empty() { &row[4] } else { name };
        let shown = &row[1];
        for cell in [shown, &row[4], &row[7]] {
            for part in cell
                .split([';', '\t', '\n', '；'])
                .skip(usize::from(cell != shown))
            {
                let part = part.trim_start_matches(|c: char| c == '"' || c.is_whitespace());
                assert!(
                    !part.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']),
                    "{cell:?}"
                );
            }
        }
        let turns = |c: char| ('\u{202a}'..='\u{2069}').contains(&c);
        if !name.contains(|c: char| c.is_control() || turns(c)) {
            // Nothing but guards was added.
            assert_eq!(shown.replace('\'', ""), name.replace('\'', ""));
        }
        let metadata: serde_json::Value = serde_json::from_str(&row[7]).expect("JSON");
        let written = metadata["note"].as_str().expect("a text");
        let steers = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        assert!(!written.contains(steers), "{written:?}");
        if !note.contains(|c: char| steers(c) || turns(c)) {
            assert_eq!(written, *note);
        }
    }
    assert_eq!(
        read("entity_relations.csv").len(),
        taken.len().saturating_sub(1)
    );
}
