//! Opens a model of 8 × 8 images and prints the first number of its first output.
use xinf::{Env, Session, Tensor};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: first MODEL")?;
    let env = Env::new()?;
    let model = env.load(path)?;
    let mut session = Session::new(&model)?;
    let image = Tensor::zeros::<f32>(&env, &[1, 1, 8, 8])?;
    println!("{:.6}", session.run(&[&image])?[0].as_slice::<f32>()?[0]);
    Ok(())
}
