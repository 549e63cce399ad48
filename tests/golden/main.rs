//! Published inputs and outputs, as data files; and the shape of the house.

mod rooms;
