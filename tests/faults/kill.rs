//! Consoles that are killed, disks that fill up, and files that two processes want.
