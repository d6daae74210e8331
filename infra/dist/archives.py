"""Archives whose bytes depend on nothing but their content and one time stamp."""

import dataclasses
import gzip
import io
import stat
import tarfile
import time
import zipfile


@dataclasses.dataclass(frozen=True)
class File:
    """One file of an archive."""

    content: bytes
    executable: bool = False

    @property
    def mode(self):
        return 0o755 if self.executable else 0o644


def write_tar(path, folder, content, epoch, level):
    """Writes a `.tar.gz` with everything below `folder`, sorted, owned by root."""
    with open(path, "wb") as raw, \
            gzip.GzipFile(filename="", mode="wb", compresslevel=level, fileobj=raw, mtime=epoch) as packed, \
            tarfile.open(mode="w", fileobj=packed, format=tarfile.USTAR_FORMAT) as tar:
        folders = {folder} | {f"{folder}/{parent}" for name in content for parent in parents(name)}
        for name in sorted(folders):
            tar.addfile(entry(name, epoch, type=tarfile.DIRTYPE, mode=0o755))
        for name, file in sorted(content.items()):
            tar.addfile(entry(f"{folder}/{name}", epoch, mode=file.mode, size=len(file.content)), io.BytesIO(file.content))


def parents(name):
    parts = name.split("/")[:-1]
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]


def entry(name, epoch, **fields):
    info = tarfile.TarInfo(name)
    info.mtime = epoch
    info.uname = info.gname = "root"
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def bootstrap_zip(binary, epoch, level):
    """The ZIP archive of a function: one executable file, `bootstrap`."""
    # ZIP has no earlier time than 1980.
    when = max(time.gmtime(epoch)[:6], (1980, 1, 1, 0, 0, 0))
    info = zipfile.ZipInfo("bootstrap", date_time=when)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3  # Unix: the mode below counts.
    info.external_attr = (stat.S_IFREG | 0o755) << 16
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(info, binary, compresslevel=level)
    return packed.getvalue()
