//! Gives back the program's own pages that only starting and reloading touched.
//!
//! Reading files, schemas and policies runs through most of the program, and the kernel counts each page
//! that was ever run as the process's memory: 19 of 31 MiB. The pages stay in the file; whichever is needed
//! again comes back at a touch, 16 at a time.

use rustix::mm::{Advice, madvise};
use std::fs;
use std::io;
use std::ops::Range;
use std::ptr;

/// To be called once the files were looked at. What workers need of it comes back within a millisecond.
pub(super) fn give_back() {
    if let Err(error) = advise() {
        tracing::debug!(%error, "the program's pages stay where they are");
    }
}

fn advise() -> io::Result<()> {
    let program = fs::read_link("/proc/self/exe")?;
    let maps = fs::read_to_string("/proc/self/maps")?;
    let program = program.to_string_lossy();
    for Range { start, end } in maps.lines().filter_map(|line| fixed(line, &program)) {
        let from = ptr::without_provenance_mut(start);
        #[expect(
            unsafe_code,
            reason = "no crate gives this advice for a program's own code"
        )]
        // SAFETY: the range is one mapping of the program's file that was never writable, so that none of
        // its pages differs from the file, which the kernel keeps from being written while it runs
        // (ETXTBSY). A page that is touched again is read from there as it was.
        unsafe {
            madvise(from, end - start, Advice::LinuxDontNeed)?;
        }
    }
    Ok(())
}

/// Where a line of `/proc/self/maps` says that code or fixed data of `program` stands: what may run, and
/// what begins with the file's own header. Other data that is only read may have been written before, when
/// the program was put in its place (RELRO).
fn fixed(line: &str, program: &str) -> Option<Range<usize>> {
    let mut words = line.splitn(6, ' ');
    let (start, end) = words.next()?.split_once('-')?;
    let (rights, offset) = (words.next()?, words.next()?);
    let address = |text| usize::from_str_radix(text, 16).ok();
    let is_fixed = rights == "r-xp" || (rights == "r--p" && address(offset)? == 0);
    words
        .nth(2)
        .filter(|path| is_fixed && path.trim_start() == program)?;
    Some(address(start)?..address(end)?)
}

#[cfg(test)]
mod tests {
    //! What is code and what is not.

    use super::*;

    #[test]
    fn only_what_the_program_never_wrote_is_given_back() {
        let ours = "/usr/bin/palisade";
        for line in [
            "55d0c0a00000-55d0c2000000 r-xp 00698000 fe:00 1234      /usr/bin/palisade",
            "55d0c0a00000-55d0c2000000 r--p 00000000 fe:00 1234      /usr/bin/palisade",
        ] {
            let found = Some(0x55d0_c0a0_0000..0x55d0_c200_0000);
            assert_eq!(fixed(line, ours), found, "{line}");
        }
        for line in [
            "55d0c0a00000-55d0c2000000 r--p 01c1d000 fe:00 1234      /usr/bin/palisade",
            "55d0c0a00000-55d0c2000000 rw-p 00000000 fe:00 1234      /usr/bin/palisade",
            "55d0c0a00000-55d0c2000000 rwxp 00698000 fe:00 1234      /usr/bin/palisade",
            "55d0c0a00000-55d0c2000000 r-xs 00698000 fe:00 1234      /usr/bin/palisade",
            "55d0c0a00000-55d0c2000000 r-xp 00698000 fe:00 1234      /usr/bin/palisade2",
            "7f0000000000-7f0000100000 r-xp 00028000 fe:00 99        /usr/lib/libc.so.6",
            "7ffd1c5f2000-7ffd1c5f4000 r-xp 00000000 00:00 0         [vdso]",
            "7f0501e00000-7f0502200000 rw-p 00000000 00:00 0 ",
            "",
        ] {
            assert_eq!(fixed(line, ours), None, "{line}");
        }
    }

    #[test]
    fn a_program_whose_pages_were_given_back_runs_on() {
        advise().unwrap();
        advise().unwrap();
    }
}
