//! Writes the seeds of a target into a directory, one a file: `seeds TARGET DIRECTORY`. Without
//! arguments, names all targets with the longest input of each.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, directory] = arguments.as_slice() else {
        for target in shouwang_fuzz::TARGETS {
            println!("{} {}", target.name, target.input_bytes_max);
        }
        return Ok(());
    };
    let target = shouwang_fuzz::target(name)
        .ok_or_else(|| std::io::Error::other(format!("no target {name}")))?;
    std::fs::create_dir_all(directory)?;
    for (nth, seed) in (target.seeds)().into_iter().enumerate() {
        std::fs::write(Path::new(directory).join(format!("seed-{nth:03}")), seed)?;
    }
    Ok(())
}
