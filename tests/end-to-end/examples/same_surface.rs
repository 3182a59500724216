//! Compares what two components import and export. Exits with 1 where they differ.
#![allow(clippy::print_stdout)]

use anyhow::{anyhow, bail};
use portcullis::component::ComponentFile;

fn main() -> anyhow::Result<()> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let [one, other] = paths.as_slice() else {
        bail!("give two components")
    };
    let (one_surface, other_surface) = (surface(one)?, surface(other)?);
    if one_surface != other_surface {
        bail!("{one} and {other} differ:\n{one_surface:#?}\n{other_surface:#?}");
    }
    println!("{one} and {other} have the same imports and exports:\n{one_surface:#?}");
    Ok(())
}

fn surface(path: &str) -> anyhow::Result<[Vec<String>; 2]> {
    let file = ComponentFile::read(path.as_ref()).map_err(|problem| anyhow!(problem))?;
    let contents = file.contents();
    if let Some(problem) = contents.problem {
        bail!("{path}: {problem}");
    }
    let (mut imports, mut exports) = (contents.imports, contents.exports);
    imports.sort();
    exports.sort();
    Ok([imports, exports])
}
