//! What happens when the world is unkind: killed processes, full disks, damaged files.

mod contract;
mod kill;
mod store;
