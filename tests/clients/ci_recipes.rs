//! A real client with the configuration that a recipe of `packaging/ci` writes.

use crate::files::{texts, yaml};
use crate::person::with_every;
use crate::registry::{PAYMENTS, SEARCH};

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn skopeo_pulls_from_one_account_and_pushes_to_another_as_a_recipe_configures_it() {
    let pipeline = yaml("ci/gitlab.yml");
    let commands = texts(&pipeline["image"]["before_script"]);
    let configure = commands.last().expect("a command");
    with_every("skopeo", |lab, mut home| {
        home.unset("AWS_ACCESS_KEY_ID");
        home.unset("AWS_SECRET_ACCESS_KEY");
        home.set(
            "ECRX_ID_TOKEN",
            "e30.eyJzdWIiOiJqb2IifQ.fake-signature-EXAMPLE",
        );
        home.succeeds("sh", ["-e", "-c", configure]);
        let from = format!("docker://{}", PAYMENTS.image());
        let to = format!("docker://{}/ci/copied:{}", SEARCH.host, home.tag());
        home.succeeds("skopeo", ["copy", &from, &to]);
        lab.assert_holds(&SEARCH, "ci/copied", home.tag());
    });
}
