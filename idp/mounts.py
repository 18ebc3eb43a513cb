"""On what kind of file system a folder lies (R56): SQLite's locks do not hold over a network."""

from pathlib import Path

_OVER_THE_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "fuse.sshfs", "fuse.glusterfs", "ocfs2"}
)


def network_file_system(folder: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """Its kind when it is one of those, "" for any other and where the kernel does not say."""
    kind = _kind(folder.resolve(), mounts)
    return kind if kind in _OVER_THE_NETWORK else ""


def _kind(folder: Path, mounts: Path) -> str:
    try:
        lines = [line.split() for line in mounts.read_text().splitlines()]
    except OSError:
        return ""
    best, kind = "", ""
    for fields in lines:
        point = fields[1].replace("\\040", " ") if len(fields) > 2 else ""
        if point and len(point) >= len(best) and folder.is_relative_to(point):
            best, kind = point, fields[2]
    return kind
