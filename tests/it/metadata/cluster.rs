//! A private PostgreSQL cluster in a temporary folder, on a free port.
//!
//! It does not outlive the test process, however that ends: a warden process waits for the end of its
//! standard input, which the kernel closes for us, then stops the cluster and removes the folder.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The cluster that all tests of this process share; each has a database of its own.
static SHARED: LazyLock<Cluster> = LazyLock::new(Cluster::start);

pub struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
    databases: AtomicU32,
    _warden: Child,
}

impl Cluster {
    pub fn shared() -> &'static Cluster {
        &SHARED
    }

    pub fn start() -> Cluster {
        let programs = find_programs();
        let folder =
            tempfile::Builder::new().prefix("lakegate-pg-").tempdir().expect("a temporary folder").keep();
        if let Some((user, group)) = postgres_user() {
            chown(&folder, Some(user), Some(group)).expect("the folder belongs to postgres");
        }
        let cluster = Cluster {
            port: free_port(),
            databases: AtomicU32::new(0),
            _warden: warden(&programs, &folder),
            folder,
            programs,
        };
        let data = cluster.data();
        let user =
            ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D", data.as_str()];
        run(cluster.program("initdb").args(user));
        cluster.up();
        cluster
    }

    /// Starts the server of an existing cluster.
    pub fn up(&self) {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c fsync=off -c max_connections=300",
            self.port,
            self.folder.display()
        );
        let log = self.folder.join("log").display().to_string();
        run(self.program("pg_ctl").args(["-w", "-D", &self.data(), "-l", &log, "-o", &options, "start"]));
    }

    /// Stops the server; its clients are cut off.
    pub fn down(&self) {
        run(self.program("pg_ctl").args(["-w", "-D", &self.data(), "-m", "fast", "stop"]));
    }

    /// Creates an empty database and gives its address.
    pub fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let url = |name: &str| format!("postgres://postgres:secret@127.0.0.1:{}/{name}", self.port);
        psql(&url("postgres"), &format!("CREATE DATABASE {name}"));
        url(&name)
    }

    fn data(&self) -> String {
        self.folder.join("data").display().to_string()
    }

    fn program(&self, name: &str) -> Command {
        as_postgres(&self.programs.join(name), &self.folder)
    }
}

/// Runs SQL with `psql`, as an operator would, and gives what it prints.
pub fn psql(url: &str, sql: &str) -> String {
    run(Command::new("psql").args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, url]))
}

/// Runs a program to its end and gives what it prints; fails the test when it fails.
pub fn run(command: &mut Command) -> String {
    let output = match command.output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            panic!("{:?} is not installed; install postgresql and sqlite3", command.get_program())
        }
        output => output.expect("the program runs"),
    };
    let printed = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(output.status.success(), "{command:?}\n{printed}{}", String::from_utf8_lossy(&output.stderr));
    printed
}

/// PostgreSQL's server refuses to run as root; then it runs as the user that its package made.
fn as_postgres(program: &Path, folder: &Path) -> Command {
    let mut command = match postgres_user() {
        None => Command::new(program),
        Some(_) => {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        }
    };
    command.current_dir(folder);
    command
}

/// User and group of `postgres` when we are root.
fn postgres_user() -> Option<(u32, u32)> {
    let we_are_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    we_are_root.then(|| {
        let id = |flag| run(Command::new("id").args([flag, "postgres"])).parse().expect("a number");
        (id("-u"), id("-g"))
    })
}

/// The folder with `initdb` and `pg_ctl`.
fn find_programs() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    folders.sort();
    folders.extend(std::env::split_paths(&path));
    let found = folders
        .into_iter()
        .find(|folder| ["initdb", "pg_ctl", "postgres"].iter().all(|program| folder.join(program).exists()));
    found.expect("PostgreSQL is not installed; install postgresql (initdb, pg_ctl and psql are needed)")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

fn warden(programs: &Path, folder: &Path) -> Child {
    let script = format!(
        "read end; '{}' -D '{}/data' -m immediate stop; rm -rf '{1}'",
        programs.join("pg_ctl").display(),
        folder.display()
    );
    as_postgres(Path::new("/bin/sh"), folder)
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C ends the tests, and must not end the warden with them.
        .process_group(0)
        .spawn()
        .expect("a shell")
}
