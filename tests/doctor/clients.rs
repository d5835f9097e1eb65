//! What docker and podman are configured to do.

use super::common::HOST;
use super::{Ward, app};

#[test]
fn docker_has_no_helper() {
    let ward = Ward::new();
    ward.environment.write(".docker/config.json", "{}\n");
    ward.says("docker_does_not_ask", 1, &[&app()]);
}

#[test]
fn an_old_login_is_used_instead() {
    let ward = Ward::new();
    // An old password of `docker login`: "AWS:old".
    ward.environment.write(
        ".docker/config.json",
        &format!("{{\"auths\": {{\"{HOST}\": {{\"auth\": \"QVdTOm9sZA==\"}}}}}}\n"),
    );
    ward.says("stale_auths", 1, &[&app()]);
}

#[test]
fn a_key_that_never_matches() {
    let ward = Ward::new();
    ward.environment.write(
        ".docker/config.json",
        &format!("{{\"credHelpers\": {{\"https://{HOST}\": \"ecrx\"}}}}\n"),
    );
    ward.says("key_with_scheme", 1, &[&app()]);
}
