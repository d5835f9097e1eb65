//! The main use case, on any machine that has Rust: an identity of one account gets a token for the
//! registry of another account, through a role. `cargo run --release --example quickstart`
//!
//! The executable is real; a server on loopback simulates AWS. Exits with 1 if a result is not the
//! expected one, so it is also a test.

#![allow(clippy::print_stdout, reason = "an example prints its results")]

#[path = "../fake_aws/mod.rs"]
mod fake_aws;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};
use std::time::{Duration, Instant};

use docker_credential_ecrx::env::Env;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use fake_aws::{ALICE, Call, FakeAws, Grant, Operation};

const PROGRAM: &str = "docker-credential-ecrx";
const HOST: &str = "999999999999.dkr.ecr.us-west-2.amazonaws.com";
const ROLE: &str = "arn:aws:iam::999999999999:role/ecr-pull";
const SESSION: &str = "arn:aws:sts::999999999999:assumed-role/ecr-pull/docker-credential-ecrx";

/// Read by the executable, and printed for the user to copy.
const RULE: &str = r#"[[registry]]
match = "999999999999/us-west-2"
profile = "work"
role_arn = "arn:aws:iam::999999999999:role/ecr-pull"
"#;

/// The maximum width of a line, in columns.
const WIDTH: usize = 100;

/// Odd, so that one run is the median.
const WARM_RUNS: usize = 21;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    match quickstart() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("\nFAILED: {error}");
            ExitCode::FAILURE
        }
    }
}

fn quickstart() -> Result<()> {
    let program = build_program()?;
    let aws = FakeAws::start();
    let client = Client::new(&program, &aws)?;

    println!(
        "This runs the real executable with a server on {}",
        aws.url()
    );
    println!("that simulates AWS. No other host is contacted, and files are written only to a");
    println!("temporary folder.\n");
    println!("identity  {}, with the keys of the profile `work`", ALICE.2);
    println!("registry  {HOST}, in another account");
    println!("rule      for this registry, assume {ROLE}");

    let password = cold(&client, &aws)?;
    warm(&client, &aws, &password)?;
    denied(&client, &aws)?;
    for_real();
    Ok(())
}

/// The first `get`, with its requests to AWS.
fn cold(client: &Client, aws: &FakeAws) -> Result<String> {
    let (answer, time) = client.get()?;
    let password = password_of(&answer)?;
    let [role, token] = &aws.calls()[..] else {
        return Err(format!("expected two calls to AWS, saw {:?}", aws.calls()).into());
    };
    expect("the first call", &role.operation, &Operation::StsAssumeRole)?;
    expect("the caller of AssumeRole", &caller(role), &ALICE.2)?;
    expect("the role", &role.param("RoleArn"), &Some(ROLE))?;
    let ecr = Operation::EcrGetAuthorizationToken;
    expect("the second call", &token.operation, &ecr)?;
    expect(
        "the caller of GetAuthorizationToken",
        &caller(token),
        &SESSION,
    )?;
    let registry_ids = token.registry_ids();
    expect("registryIds", &registry_ids, &vec!["999999999999"])?;
    expect("the region", &region_of(token), &"us-west-2")?;
    let grant = Grant::parse(&password).ok_or("the password is not one that AWS gave")?;
    expect("the principal of the token", &*grant.principal, SESSION)?;

    println!("\nThe first `get`, as `docker pull` runs it (no cached token)");
    let (by, region) = (caller(role), region_of(role));
    println!("  1  sts:AssumeRole in {region}, called by {by}");
    let (by, region) = (caller(token), region_of(token));
    println!("  2  ecr:GetAuthorizationToken in {region} with registryIds {registry_ids:?},");
    println!("     called by {by}");
    println!("  =  user name AWS, password {}", masked(&password));
    println!("     valid until {}", client.expiry()?);
    println!("     {}, 2 calls to AWS", milliseconds(time));
    Ok(password)
}

/// Further `get`s, which return the cached token and do not contact AWS.
fn warm(client: &Client, aws: &FakeAws, password: &str) -> Result<()> {
    aws.clear();
    let mut times = Vec::new();
    let mut yardstick = Vec::new();
    for _ in 0..WARM_RUNS {
        let (answer, time) = client.get()?;
        expect("the cached password", &*password_of(&answer)?, password)?;
        times.push(time);
        yardstick.extend(time_of_true());
    }
    expect("calls to AWS with a cached token", &aws.calls().len(), &0)?;
    expect("connections with a cached token", &aws.connections(), &0)?;

    let time = median(&mut times).unwrap_or_default();
    println!("\nThe next `get` (cached token, median of {WARM_RUNS} runs)");
    println!("  =  the same password, from the cache");
    print!("     {}, 0 calls to AWS, 0 connections", milliseconds(time));
    if let Some(least) = median(&mut yardstick).filter(|least| !least.is_zero()) {
        let ratio = time.as_secs_f64() / least.as_secs_f64();
        print!("; {ratio:.1} × /bin/true ({})", milliseconds(least));
    }
    println!();
    Ok(())
}

/// The error if the other account denies the role.
fn denied(client: &Client, aws: &FakeAws) -> Result<()> {
    client.run("erase")?;
    aws.deny_role(ROLE);
    let output = client.run("get")?;
    expect("the exit code of a denial", &output.status.code(), &Some(1))?;
    let line = format!("no credentials for {HOST}: the role {ROLE} cannot be assumed by");
    let (stdout, stderr) = (text(output.stdout)?, text(output.stderr)?);
    for (stream, shown, start) in [
        ("stdout", &stdout, line.clone()),
        ("stderr", &stderr, format!("{PROGRAM}: {line}")),
    ] {
        if !shown.starts_with(&start) {
            return Err(format!("{stream} of a denial is not as expected: {shown}").into());
        }
    }
    println!("\nAfter `docker logout`, if AWS denies the role (exit status 1, on stderr)");
    for line in stderr.lines() {
        for part in wrapped(line, WIDTH - 5) {
            println!("     {part}");
        }
    }
    Ok(())
}

/// The files to create for real use.
fn for_real() {
    let config = Env::process().user_config();
    let config = config.map_or("config.toml".to_owned(), |path| path.display().to_string());
    println!("\nFor real use, replace account, region, profile and role with yours:");
    println!("  cargo install --path . --locked     # ~/.cargo/bin must be on PATH");
    println!("  docker-credential-ecrx configure-docker {HOST}");
    println!("and add this rule to {config}");
    for line in RULE.lines() {
        println!("  {line}");
    }
    println!("Without a rule, the identity that the AWS CLI would use requests the token.");
}

/// A home directory with the keys and the rule, and the executable.
struct Client {
    home: tempfile::TempDir,
    program: PathBuf,
    aws_url: String,
}

impl Client {
    fn new(program: &Path, aws: &FakeAws) -> Result<Self> {
        let home = tempfile::tempdir()?;
        std::fs::create_dir(home.path().join(".aws"))?;
        let (id, secret, _) = ALICE;
        let keys = format!("[work]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
        std::fs::write(home.path().join(".aws/credentials"), keys)?;
        std::fs::write(home.path().join("config.toml"), RULE)?;
        Ok(Self {
            home,
            program: program.to_owned(),
            aws_url: aws.url(),
        })
    }

    /// Runs the executable as docker does: the action is the argument, the host is on stdin. The
    /// environment is empty, except for what Windows needs to open a socket.
    fn run(&self, action: &str) -> Result<Output> {
        let home = self.home.path();
        let mut command = Command::new(&self.program);
        command
            .arg(action)
            .env_clear()
            .envs(std::env::var_os("SystemRoot").map(|root| ("SystemRoot", root)))
            .env("HOME", home)
            .env("USERPROFILE", home)
            .env("ECRX_CONFIG", home.join("config.toml"))
            .env("AWS_CONFIG_FILE", home.join(".aws/config"))
            .env("AWS_SHARED_CREDENTIALS_FILE", home.join(".aws/credentials"))
            .env("AWS_ECR_CACHE_DIR", self.cache())
            .env("AWS_ENDPOINT_URL", &self.aws_url)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let mut stdin = child.stdin.take().ok_or("no stdin")?;
        stdin.write_all(HOST.as_bytes())?;
        drop(stdin);
        Ok(child.wait_with_output()?)
    }

    /// A `get` that must succeed and print nothing on stderr, and its duration.
    fn get(&self) -> Result<(Value, Duration)> {
        let started = Instant::now();
        let output = self.run("get")?;
        let time = started.elapsed();
        expect("stderr of a get", &*text(output.stderr)?, "")?;
        expect("the exit code of a get", &output.status.code(), &Some(0))?;
        Ok((serde_json::from_slice(&output.stdout)?, time))
    }

    fn cache(&self) -> PathBuf {
        self.home.path().join("cache")
    }

    /// The expiry of the token, from the only cache entry.
    fn expiry(&self) -> Result<String> {
        let mut entries = Vec::new();
        for item in std::fs::read_dir(self.cache().join("v1"))? {
            let path = item?.path();
            if path.extension().is_some_and(|end| end == "json") {
                entries.push(path);
            }
        }
        expect("entries in the cache", &entries.len(), &1)?;
        let entry: Value = serde_json::from_slice(&std::fs::read(&entries[0])?)?;
        let seconds = entry["expires_at"].as_i64().ok_or("no expires_at")?;
        let moment = OffsetDateTime::from_unix_timestamp(seconds)?;
        let left = moment - OffsetDateTime::now_utc();
        let minutes = (left.as_seconds_f64() / 60.0).round();
        expect("minutes until the token expires", &minutes, &720.0)?;
        Ok(format!("{}, 12 hours from now", moment.format(&Rfc3339)?))
    }
}

/// Cargo builds no executable for an example. This builds it with the profile and the target folder
/// of this example, in which all dependencies are built already. The variables that `cargo run` has
/// set for this process are removed: ring's build script would take them for a change, and all that
/// depends on ring would be built again.
fn build_program() -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let profile_folder = this.ancestors().nth(2).ok_or("no target folder")?;
    let target_folder = this
        .ancestors()
        .find(|folder| folder.join(".rustc_info.json").exists())
        .ok_or("no target folder")?;
    let profile = match profile_folder.file_name() {
        Some(name) if name != "debug" => name.to_owned(),
        _ => OsString::from("dev"),
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let mut build = Command::new(cargo);
    for (name, _) in std::env::vars_os() {
        let told = ["CARGO_PKG_", "CARGO_MANIFEST_"];
        let text = name.to_string_lossy();
        if told.iter().any(|prefix| text.starts_with(prefix)) {
            build.env_remove(&name);
        }
    }
    let status = build
        .args(["build", "--quiet", "--locked", "--bin", PROGRAM])
        .arg("--profile")
        .arg(profile)
        .arg("--target-dir")
        .arg(target_folder)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()?;
    if !status.success() {
        return Err("cargo could not build the executable".into());
    }
    let program = profile_folder.join(format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX));
    if program.exists() {
        Ok(program)
    } else {
        Err(format!("cargo built no {}", program.display()).into())
    }
}

fn expect<T: PartialEq + std::fmt::Debug + ?Sized>(what: &str, is: &T, should: &T) -> Result<()> {
    if is == should {
        Ok(())
    } else {
        Err(format!("{what} should be {should:?} and is {is:?}").into())
    }
}

fn caller(call: &Call) -> &str {
    call.principal.as_deref().unwrap_or("an unknown caller")
}

fn region_of(call: &Call) -> &str {
    call.signed_region.as_deref().unwrap_or("no region")
}

fn password_of(answer: &Value) -> Result<String> {
    expect("ServerURL", &answer["ServerURL"], &Value::from(HOST))?;
    expect("Username", &answer["Username"], &Value::from("AWS"))?;
    let password = answer["Secret"].as_str().ok_or("no Secret in the answer")?;
    Ok(password.to_owned())
}

fn masked(password: &str) -> String {
    let start: String = password.chars().take(4).collect();
    format!("{start}… ({} characters)", password.chars().count())
}

/// The duration of the smallest possible process; `None` if this machine has no `/bin/true`.
fn time_of_true() -> Option<Duration> {
    let started = Instant::now();
    let output = Command::new("/bin/true").env_clear().output().ok()?;
    output.status.success().then(|| started.elapsed())
}

fn median(times: &mut [Duration]) -> Option<Duration> {
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn text(bytes: Vec<u8>) -> Result<String> {
    Ok(String::from_utf8(bytes)?)
}

/// A line in parts of at most `width` characters, broken at blanks. Parts after the first are
/// indented by 4 more columns.
fn wrapped(line: &str, width: usize) -> Vec<String> {
    let indent = line.len() - line.trim_start().len();
    let mut parts = vec![" ".repeat(indent)];
    for word in line.split_whitespace() {
        let part = parts.last_mut().expect("never empty");
        let is_new = part.trim().is_empty();
        if !is_new && part.chars().count() + 1 + word.chars().count() > width {
            parts.push(format!("{}{word}", " ".repeat(indent + 4)));
        } else {
            part.push_str(if is_new { "" } else { " " });
            part.push_str(word);
        }
    }
    parts
}
