//! The fake endpoint as a program, for scripts and by hand.

use fake_endpoint::oracle::Oracle;
use fake_endpoint::{Script, start_on};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const USAGE: &str = "usage: fake_endpoint [--port N] [--script FILE] [--record FILE] [--tls FILE]
                     [--oracle QUESTIONS.jsonl LINKING.jsonl [--log FILE]]

Serves an OpenAI-compatible API on 127.0.0.1 and prints its url. FILE of --script is JSON:
  {\"rules\": [{\"contains\": \"how many\", \"reply\": \"SELECT 1\"}, {\"contains\": \"\", \"fault\": \"html\", \"times\": 1}],
   \"otherwise\": \"SELECT 2\", \"dimensions\": 64, \"key\": \"secret\"}
or one rule per line. Faults also go by url: http://127.0.0.1:PORT/fault/stall-headers/v1.
--tls speaks TLS and writes the certificate to trust into FILE.
--oracle answers by verified SQL what the prompt makes answerable, and logs what it lacks.";

fn main() {
    if let Err(message) = run() {
        eprintln!("{message}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let mut next = move || arguments.next();
    let (mut port, mut script, mut record, mut log) = (0, Script::default(), None, None);
    let mut certificate: Option<PathBuf> = None;
    let mut oracle: Option<(PathBuf, PathBuf)> = None;
    while let Some(option) = next() {
        let mut value = || next().ok_or_else(|| format!("{option} needs a value\n{USAGE}"));
        match option.as_str() {
            "--port" => port = value()?.parse().map_err(|_| "the port is not a number")?,
            "--script" => script = read_script(Path::new(&value()?))?,
            "--record" => record = Some(PathBuf::from(value()?)),
            "--tls" => certificate = Some(PathBuf::from(value()?)),
            "--log" => log = Some(PathBuf::from(value()?)),
            "--oracle" => oracle = Some((value()?.into(), value()?.into())),
            "--help" => {
                println!("{USAGE}");
                return Ok(());
            }
            _ => return Err(format!("unknown option {option}\n{USAGE}")),
        }
    }
    script.record = record;
    script.tls = certificate.is_some();
    if let Some((questions, linking)) = oracle {
        script.oracle = Some(Arc::new(Oracle::load(&questions, &linking, log)?));
    }
    let handle = start_on(port, script).map_err(|error| format!("cannot listen: {error}"))?;
    if let (Some(path), Some(pem)) = (certificate, &handle.ca_pem) {
        std::fs::write(&path, pem).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    println!("{}", handle.url);
    loop {
        std::thread::park();
    }
}

fn read_script(path: &Path) -> Result<Script, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Script::from_json(&text)
}
