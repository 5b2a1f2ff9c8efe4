//! What sysfs says of a device DAX node. The kernel neither gives such a device a size that fstat shows, nor refuses a
//! mapping past its end, nor (with MAP_FIXED) one at a misaligned offset: so what it says here is checked beforehand.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::errno::{SysError, SysResult};

#[derive(Debug, PartialEq, Eq)]
pub struct DaxDevice {
    /// Bytes that can be mapped.
    pub size: u64,
    /// Address, file offset and length of every mapping are multiples of this.
    pub alignment: u64,
}

/// The alignment of kernels whose sysfs doesn't tell it: that of a huge page.
const DEFAULT_ALIGNMENT: u64 = 2 << 20;

pub const SYSFS_CHAR_DEVICES: &str = "/sys/dev/char";

/// Facts about the character device `major`:`minor`; `None` when it is no DAX device, and EIO when it is one of which sysfs
/// does not tell what must be known.
pub fn dax_device(
    sysfs_char_devices: &Path,
    (major, minor): (u32, u32),
    syscall: &'static str,
) -> SysResult<Option<DaxDevice>> {
    let device = sysfs_char_devices.join(format!("{major}:{minor}"));
    let is_dax = fs::read_link(device.join("subsystem"))
        .is_ok_and(|subsystem| subsystem.file_name().is_some_and(|name| name == "dax"));
    if !is_dax {
        return Ok(None);
    }
    let told = |name| sysfs_number(&device.join(name), syscall);
    let unknown = |what| {
        let reason = format!("sysfs tells no {what} of the DAX device {major}:{minor}");
        SysError::refused(libc::EIO, syscall, reason)
    };
    let size = told("size")?.ok_or_else(|| unknown("size"))?;
    let alignment = told("align")?.unwrap_or(DEFAULT_ALIGNMENT);
    match alignment.is_power_of_two() {
        true => Ok(Some(DaxDevice { size, alignment })),
        false => Err(unknown("alignment that is a power of two")),
    }
}

/// The number in a file of sysfs; `None` where there is no such file.
fn sysfs_number(path: &Path, syscall: &'static str) -> SysResult<Option<u64>> {
    let unclear = |what: String| {
        let reason = format!("{} {what}", path.display());
        SysError::refused(libc::EIO, syscall, reason)
    };
    match fs::read_to_string(path) {
        Ok(text) => match parse_sysfs_number(&text) {
            Some(number) => Ok(Some(number)),
            None => Err(unclear(format!("has no number, but '{}'", text.trim()))),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unclear(format!("can't be read: {error}"))),
    }
}

/// sysfs writes numbers in decimal, or in hexadecimal with 0x, and ends them with a newline.
fn parse_sysfs_number(text: &str) -> Option<u64> {
    let text = text.trim();
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn parses_sysfs_numbers() {
        assert_eq!(parse_sysfs_number("1071644672\n"), Some(1_071_644_672));
        assert_eq!(parse_sysfs_number("0x200000\n"), Some(2 << 20));
        assert_eq!(parse_sysfs_number("\n"), None);
        assert_eq!(parse_sysfs_number("-1\n"), None);
        assert_eq!(parse_sysfs_number("12 pages"), None);
    }

    struct Fake {
        subsystem: &'static str,
        size: Option<&'static str>,
        align: Option<&'static str>,
    }

    const GOOD: Fake = Fake {
        subsystem: "dax",
        size: Some("1071644672\n"),
        align: Some("4096\n"),
    };

    fn look_at(name: &str, fake: Fake) -> SysResult<Option<DaxDevice>> {
        let sysfs =
            std::env::temp_dir().join(format!("vmem-dax-test-{}-{name}", std::process::id()));
        let device = sysfs.join("252:3");
        fs::create_dir_all(&device).unwrap();
        symlink(
            format!("../../bus/{}", fake.subsystem),
            device.join("subsystem"),
        )
        .unwrap();
        for (file, text) in [("size", fake.size), ("align", fake.align)] {
            if let Some(text) = text {
                fs::write(device.join(file), text).unwrap();
            }
        }
        let found = dax_device(&sysfs, (252, 3), "mmap");
        fs::remove_dir_all(sysfs).unwrap();
        found
    }

    #[test]
    fn reads_size_and_alignment() {
        let size = 1_071_644_672;
        let expect = |alignment| Ok(Some(DaxDevice { size, alignment }));
        assert_eq!(look_at("4k", GOOD), expect(4096));
        assert_eq!(
            look_at(
                "none",
                Fake {
                    align: None,
                    ..GOOD
                }
            ),
            expect(2 << 20)
        );
    }

    #[test]
    fn leaves_other_devices_alone() {
        let memory = Fake {
            subsystem: "mem",
            ..GOOD
        };
        assert_eq!(look_at("mem", memory), Ok(None));
        let null = dax_device(Path::new(SYSFS_CHAR_DEVICES), (1, 3), "mmap");
        assert_eq!(null, Ok(None), "/dev/null");
    }

    #[test]
    fn refuses_a_device_of_which_too_little_is_known() {
        for (name, size, align) in [
            ("odd", GOOD.size, Some("4097\n")),
            ("zero", GOOD.size, Some("0\n")),
            ("words", GOOD.size, Some("huge\n")),
            ("no-size", None, GOOD.align),
            ("empty-size", Some(""), GOOD.align),
        ] {
            let fake = Fake {
                size,
                align,
                ..GOOD
            };
            let error = look_at(name, fake).unwrap_err();
            assert_eq!((error.errno, error.syscall), (libc::EIO, "mmap"), "{name}");
        }
    }
}
