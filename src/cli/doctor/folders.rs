//! Folders: there, writable, on one file system, with room.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};

use super::{Finding, Level};
use crate::cli::table::bytes;
use crate::settings::Paths;

const SUBJECT: &str = "folders";
/// Less free space than this is worth a word, and less than that stops work soon.
const LOW: u64 = 2 << 30;
const ALMOST_NONE: u64 = 128 << 20;

pub(super) fn look(paths: &Paths) -> Vec<Finding> {
    let folders = [
        &paths.data,
        &paths.incoming,
        &paths.processing(),
        &paths.failed(),
        &paths.error(),
        &paths.processed,
        &paths.datalake,
    ];
    let mut findings: Vec<Finding> = folders.into_iter().filter_map(|folder| usable(folder)).collect();
    if findings.is_empty() {
        findings.push(Finding::ok(
            SUBJECT,
            format!("{} and what belongs to it are usable", paths.data.display()),
        ));
    }
    findings.extend(same_file_system(&paths.incoming, &paths.processing()));
    findings.extend(room(&paths.datalake));
    findings
}

/// A complaint, if there is one.
fn usable(folder: &Path) -> Option<Finding> {
    let there = existing(folder);
    let shown = there.display();
    if !there.is_dir() {
        return Some(
            Finding::new(Level::Fail, SUBJECT, format!("{shown} is not a folder"))
                .fix("move it away, or place the folder elsewhere in the settings"),
        );
    }
    let cause = access(&there, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).err()?;
    let what =
        if there == folder { "cannot be read and written" } else { "must exist but cannot be created" };
    Some(
        Finding::new(Level::Fail, SUBJECT, format!("{} {what}: {shown}: {cause}", folder.display()))
            .fix(format!("sudo chown -R \"$USER\" {shown}")),
    )
}

/// The folder itself, or the nearest one above it that exists: the rest is created when it is needed.
fn existing(folder: &Path) -> PathBuf {
    folder.ancestors().find(|path| path.symlink_metadata().is_ok()).unwrap_or(Path::new("/")).to_owned()
}

fn same_file_system(incoming: &Path, processing: &Path) -> Option<Finding> {
    let device = |path: &Path| existing(path).metadata().map(|metadata| metadata.dev()).ok();
    let (here, there) = (device(incoming)?, device(processing)?);
    (here != there).then(|| {
        let detail =
            format!("{} and {} are on different file systems", incoming.display(), processing.display());
        Finding::new(Level::Warn, SUBJECT, detail)
            .fix("place incoming and source_data on one file system, so that a file is claimed by a rename")
    })
}

fn room(datalake: &Path) -> Option<Finding> {
    let there = existing(datalake);
    let found = statvfs(&there).ok()?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let detail = format!("{} free under {}", bytes(free), there.display());
    Some(match free {
        ..ALMOST_NONE => Finding::new(Level::Down, "disk", detail).fix("free disk space; loads wait for it"),
        ALMOST_NONE..LOW => Finding::new(Level::Warn, "disk", detail).fix("free disk space soon"),
        _ => Finding::ok("disk", detail),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_are_not_there_yet_are_fine_where_they_can_be_created() {
        let root = tempfile::tempdir().unwrap();
        let findings = look(&Paths::under(&root.path().join("not/yet")));
        assert_eq!(findings[0].level, Level::Ok, "{findings:?}");
        assert!(!root.path().join("not").exists());
    }

    #[test]
    fn a_file_in_the_place_of_a_folder_is_named() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("incoming"), "").unwrap();
        let findings = look(&Paths::under(root.path()));
        assert_eq!(findings[0].level, Level::Fail);
        assert!(findings[0].detail.ends_with("incoming is not a folder"), "{findings:?}");
    }
}
