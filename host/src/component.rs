//! A component's file: what can be told of it without running it.

use crate::digest::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;
use wasmparser::{
    ComponentExternalKind, ComponentInstance, ComponentTypeRef, Instance, KnownCustom, Parser,
    Payload, ProducersSectionReader,
};

/// The largest component that is looked at, in bytes. Ours take one MiB.
pub const MOST_BYTES: u64 = 64 << 20;

/// The most globals, and the most imports and exports, that one of its modules may have: each costs every instance of the
/// module memory that no limit counts. Ours have some fifty.
const MOST_GLOBALS: u32 = 10_000;
const MOST_NAMES: u32 = 10_000;
/// The most functions. Ours have some three thousand.
const MOST_FUNCTIONS: u32 = 50_000;
/// The most imports, exports, aliases, types, instances and lowered functions that a component and those in it may have
/// together. Ours have some hundreds.
const MOST_PARTS: u64 = 50_000;

/// The most names of a kind that are told of a component.
const MOST_TOLD: usize = 1000;

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

    /// Why it is not even compiled: it has more of something than any honest one, or it can't be parsed, so that nobody knows
    /// how much it has.
    pub fn excess(&self) -> Option<String> {
        self.count().unwrap_or_else(|error| {
            Some(format!(
                "it is no WebAssembly component that this host can compile: {error}"
            ))
        })
    }

    fn count(&self) -> wasmparser::Result<Option<String>> {
        let mut parts = 0u64;
        for payload in parser().parse_all(&self.bytes) {
            let (what, number, most) = match payload? {
                Payload::GlobalSection(section) => ("globals", section.count(), MOST_GLOBALS),
                Payload::ImportSection(section) => {
                    // One entry may stand for several imports of one module.
                    let imports = section.into_imports().take(MOST_NAMES as usize + 1).count();
                    let imports = u32::try_from(imports).unwrap_or(u32::MAX);
                    ("imports", imports, MOST_NAMES)
                }
                Payload::ExportSection(section) => ("exports", section.count(), MOST_NAMES),
                Payload::FunctionSection(section) => ("functions", section.count(), MOST_FUNCTIONS),
                other => {
                    parts += parts_of(other)?;
                    continue;
                }
            };
            if number > most {
                return Ok(Some(format!(
                    "one of its modules has {number} {what}; {most} are the most that a connector may have"
                )));
            }
        }
        Ok((parts > MOST_PARTS).then(|| {
            format!(
                "it has {parts} imports, exports, aliases, types and the like; {MOST_PARTS} are the most that a connector may have"
            )
        }))
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

/// Reads what the compiler would read: the same proposals, so that a section means the same to both.
fn parser() -> Parser {
    let mut parser = Parser::new(0);
    parser.set_features(crate::engine::PROPOSALS);
    parser
}

/// How many parts a section of a component adds.
fn parts_of(payload: Payload<'_>) -> wasmparser::Result<u64> {
    let number = match payload {
        Payload::InstanceSection(section) => {
            let mut parts = 0;
            for instance in section {
                parts += match instance? {
                    Instance::Instantiate { args, .. } => args.len(),
                    Instance::FromExports(exports) => exports.len(),
                };
            }
            return Ok(parts as u64);
        }
        Payload::ComponentInstanceSection(section) => {
            let mut parts = 0;
            for instance in section {
                parts += match instance? {
                    ComponentInstance::Instantiate { args, .. } => args.len(),
                    ComponentInstance::FromExports(exports) => exports.len(),
                };
            }
            return Ok(parts as u64);
        }
        Payload::ComponentImportSection(section) => section.count(),
        Payload::ComponentExportSection(section) => section.count(),
        Payload::ComponentAliasSection(section) => section.count(),
        Payload::ComponentTypeSection(section) => section.count(),
        Payload::CoreTypeSection(section) => section.count(),
        Payload::ComponentCanonicalSection(section) => section.count(),
        _ => 0,
    };
    Ok(number.into())
}

/// What a component says of itself.
#[derive(Debug, Default)]
pub struct Contents {
    /// What it imports, by name.
    pub imports: Vec<String>,
    /// What it exports, by name.
    pub exports: Vec<String>,
    /// The tools that made it: `language`, `processed-by`, `sdk`, and under each the names with their versions.
    pub producers: BTreeMap<String, BTreeSet<String>>,
    /// Why the rest of it can't be parsed.
    pub problem: Option<String>,
}

impl Contents {
    fn gather(&mut self, bytes: &[u8]) -> wasmparser::Result<()> {
        let mut depth = 0u32;
        for payload in parser().parse_all(bytes) {
            match payload? {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section {
                        let import = import?;
                        // A type that is given a name is no capability.
                        let is_type = matches!(import.ty, ComponentTypeRef::Type(_));
                        if !is_type && self.imports.len() < MOST_TOLD {
                            self.imports.push(import.name.name.to_owned());
                        }
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    for export in section {
                        let export = export?;
                        let is_type = export.kind == ComponentExternalKind::Type;
                        if !is_type && self.exports.len() < MOST_TOLD {
                            self.exports.push(export.name.name.to_owned());
                        }
                    }
                }
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
            if self.producers.len() >= MOST_TOLD {
                break;
            }
            let tools = self.producers.entry(field.name.to_owned()).or_default();
            for value in field.values {
                let value = value?;
                if tools.len() >= MOST_TOLD {
                    break;
                }
                tools.insert(format!("{} {}", value.name, value.version));
            }
        }
        Ok(())
    }

    /// The version of the contract that it was made for, by the package that it imports.
    pub fn contract(&self) -> Option<&str> {
        self.imports
            .iter()
            .filter(|name| name.starts_with("portcullis:connector/"))
            .find_map(|name| Some(name.split_once('@')?.1))
    }
}
