//! Files of authors replaced whole.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Makes `text` what the file at `path` holds, through a file beside it: a reader, or a crash, sees the one text or
/// the other. A file that is there keeps its mode and its owner, a link stays one; folders that are missing are made.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Names that begin with a dot are nobody's policies.
    let beside = folder.join(format!(".{name}.{}", std::process::id()));
    let made = File::create_new(&beside)?;
    let written = fill(made, fs::metadata(&path).ok().as_ref(), text);
    let written = written.and_then(|()| fs::rename(&beside, &path));
    if written.is_err() {
        // What was not finished is nobody's file. The first error is the one to tell.
        let _ = fs::remove_file(&beside);
    }
    written
}

fn fill(mut file: File, like: Option<&fs::Metadata>, text: &str) -> io::Result<()> {
    if let Some(like) = like {
        let made = file.metadata()?;
        if (made.uid(), made.gid()) != (like.uid(), like.gid()) {
            std::os::unix::fs::fchown(&file, Some(like.uid()), Some(like.gid()))?;
        }
        file.set_permissions(like.permissions())?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
