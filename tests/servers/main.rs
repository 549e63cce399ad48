//! Sources against the real thing: servers, programs and disks that the tests start by themselves.

mod host;
