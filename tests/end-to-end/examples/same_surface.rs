//! Compares what two components import and export. Exits with 1 where they differ.
#![allow(clippy::print_stdout)]

use anyhow::{Context, anyhow, bail};
use portcullis::sandbox::Sandbox;

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
    let component = std::fs::read(path).context(path.to_owned())?;
    let sandbox = Sandbox::compile(&component).map_err(|outcome| anyhow!("{path}: {outcome}"))?;
    let (mut imports, mut exports) = (sandbox.imports(), sandbox.exports());
    imports.sort();
    exports.sort();
    Ok([imports, exports])
}
