use crate::noc::Noc;

#[test]
fn look() {
    let noc = Noc::busy((160, 45));
    println!("{}", noc.picture());
    let noc = Noc::busy((80, 24));
    println!("{}", noc.picture());
}
