//! The registry client, against a fake registry that behaves as ECR does.

mod common;

#[path = "distribution/answers.rs"]
mod answers;
#[path = "distribution/hostile.rs"]
mod hostile;
#[path = "distribution/layers.rs"]
mod layers;
#[path = "distribution/public.rs"]
mod public;
#[path = "distribution/real.rs"]
mod real;
#[path = "distribution/refusals.rs"]
mod refusals;
#[path = "distribution/stage.rs"]
mod stage;
