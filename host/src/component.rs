//! A component's file: what can be told of it without running it.

use crate::digest::Digest;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use wasmparser::{
    ComponentExternalKind, ComponentTypeRef, KnownCustom, Parser, Payload, ProducersSectionReader,
};

/// The largest component that is looked at, in bytes. Ours take one MiB.
pub const MOST_BYTES: u64 = 64 << 20;

/// The most globals and functions that one of its modules may have: each costs every instance of the module memory that no
/// limit counts. Ours have some three thousand functions.
const MOST_GLOBALS: u32 = 10_000;
const MOST_FUNCTIONS: u32 = 50_000;

/// A file that may be a component.
pub struct ComponentFile {
    /// Its content.
    pub bytes: Vec<u8>,
    /// Its digest.
    pub digest: Digest,
}

impl ComponentFile {
    /// Reads a file.
    ///
    /// # Errors
    /// Where it can't be read, is too large, or is obviously something else; a sentence for a person.
    pub fn read(path: &Path) -> Result<Self, String> {
        let unreadable =
            |error: std::io::Error| format!("{} can't be read: {error}", path.display());
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let mut bytes = Vec::new();
        file.take(MOST_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(format!(
                "{} is larger than {} MiB, which no connector is",
                path.display(),
                MOST_BYTES >> 20
            ));
        }
        if Parser::is_core_wasm(&bytes) {
            return Err(format!(
                "{} is a core WebAssembly module, not a component; build it with a linker that makes components, such as wasm-component-ld",
                path.display()
            ));
        }
        if !Parser::is_component(&bytes) {
            return Err(format!(
                "{} is no WebAssembly component: it does not begin as one",
                path.display()
            ));
        }
        let digest = Digest::of(&bytes);
        Ok(Self { bytes, digest })
    }

    /// Imports, exports and the tools that made it, as far as it can be parsed.
    pub fn contents(&self) -> Contents {
        let mut contents = Contents::default();
        if let Err(error) = contents.gather(&self.bytes) {
            contents.problem = Some(error.message().to_owned());
        }
        contents
    }
}

/// What a component says of itself.
#[derive(Debug, Default)]
pub struct Contents {
    /// What it imports, by name.
    pub imports: Vec<String>,
    /// What it exports, by name.
    pub exports: Vec<String>,
    /// The tools that made it: `language`, `processed-by`, `sdk`, and under each the names with their versions.
    pub producers: BTreeMap<String, Vec<String>>,
    /// Why the rest of it can't be parsed.
    pub problem: Option<String>,
    /// The most globals and functions that one of its modules has.
    most: (u32, u32),
}

impl Contents {
    fn gather(&mut self, bytes: &[u8]) -> wasmparser::Result<()> {
        let mut depth = 0u32;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section {
                        let import = import?;
                        // A type that is given a name is no capability.
                        if !matches!(import.ty, ComponentTypeRef::Type(_)) {
                            self.imports.push(import.name.name.to_owned());
                        }
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    for export in section {
                        let export = export?;
                        if export.kind != ComponentExternalKind::Type {
                            self.exports.push(export.name.name.to_owned());
                        }
                    }
                }
                Payload::GlobalSection(section) => self.most.0 = self.most.0.max(section.count()),
                Payload::FunctionSection(section) => self.most.1 = self.most.1.max(section.count()),
                Payload::CustomSection(section) => {
                    if let KnownCustom::Producers(fields) = section.as_known() {
                        self.gather_producers(fields)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn gather_producers(&mut self, fields: ProducersSectionReader<'_>) -> wasmparser::Result<()> {
        for field in fields {
            let field = field?;
            for value in field.values {
                let value = value?;
                let tool = format!("{} {}", value.name, value.version);
                let tools = self.producers.entry(field.name.to_owned()).or_default();
                if !tools.contains(&tool) {
                    tools.push(tool);
                }
            }
        }
        Ok(())
    }

    /// Why none of it is even compiled: it is out of all proportion.
    pub fn excess(&self) -> Option<String> {
        let (globals, functions) = self.most;
        (globals > MOST_GLOBALS || functions > MOST_FUNCTIONS).then(|| {
            format!(
                "one of its modules has {globals} globals and {functions} functions; {MOST_GLOBALS} and {MOST_FUNCTIONS} are the most that a connector may have"
            )
        })
    }

    /// The version of the contract that it was made for, by the package that it imports.
    pub fn contract(&self) -> Option<&str> {
        self.imports
            .iter()
            .filter(|name| name.starts_with("portcullis:connector/"))
            .find_map(|name| Some(name.split_once('@')?.1))
    }
}
