mod incidents;
mod noc;
