
mod vectors;
