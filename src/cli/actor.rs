//! Who acts at this console, and from where.

use std::path::Path;

use crate::domain::incident::Actor;
use crate::domain::text::clean;

/// The person at this console: the operator's name, the operating-system user, the host, where an
/// SSH session came from, and an id of this session, to which undo belongs.
pub fn operator(name: &str, host: &str) -> Actor {
    let ssh = std::env::var("SSH_CONNECTION").unwrap_or_default();
    Actor {
        user: user(),
        host: clean(host, 100),
        ssh_from: ssh_origin(&ssh),
        session: format!("{:016x}", fastrand::u64(..)),
        ..Actor::person(name)
    }
}

/// The first of `client-address client-port server-address server-port`.
fn ssh_origin(connection: &str) -> String {
    clean(connection.split_whitespace().next().unwrap_or_default(), 64)
}

/// The owner of this process, whatever `$USER` says; users that the file does not know (LDAP) are
/// named by the environment, in the end by number.
fn user() -> String {
    let id = rustix::process::getuid().as_raw();
    let passwd = std::fs::read_to_string(Path::new("/etc/passwd")).unwrap_or_default();
    let named = user_in(&passwd, id).map(str::to_owned);
    let name = named.or_else(|| std::env::var("USER").ok()).unwrap_or_else(|| id.to_string());
    clean(&name, 64)
}

fn user_in(passwd: &str, id: u32) -> Option<&str> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, number) = (fields.next()?, fields.next()?, fields.next()?);
        (number.parse() == Ok(id)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_is_found_by_number() {
        let passwd = "root:x:0:0::/root:/bin/sh\nana:x:1000:1000::/home/ana:/bin/sh\n";
        assert_eq!(user_in(passwd, 1000), Some("ana"));
        assert_eq!(user_in(passwd, 7), None);
    }

    #[test]
    fn the_ssh_origin_is_the_clients_address() {
        assert_eq!(ssh_origin("10.1.2.3 50123 10.0.0.1 22"), "10.1.2.3");
        assert_eq!(ssh_origin(""), "");
    }
}
