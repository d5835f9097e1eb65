# Homebrew formula, for a tap: Formula/docker-credential-ecrx.rb
class DockerCredentialEcrx < Formula
  desc "Docker credential helper for Amazon ECR across accounts, regions and roles"
  homepage "@url@"
  version "@version@"
  license any_of: ["MIT", "Apache-2.0"]

  on_macos do
    on_arm do
      url "@url@/docker-credential-ecrx-@version@-aarch64-apple-darwin.tar.gz"
      sha256 "@sha256 aarch64-apple-darwin.tar.gz@"
    end
    on_intel do
      url "@url@/docker-credential-ecrx-@version@-x86_64-apple-darwin.tar.gz"
      sha256 "@sha256 x86_64-apple-darwin.tar.gz@"
    end
  end

  on_linux do
    on_arm do
      url "@url@/docker-credential-ecrx-@version@-aarch64-unknown-linux-gnu.tar.gz"
      sha256 "@sha256 aarch64-unknown-linux-gnu.tar.gz@"
    end
    on_intel do
      url "@url@/docker-credential-ecrx-@version@-x86_64-unknown-linux-gnu.tar.gz"
      sha256 "@sha256 x86_64-unknown-linux-gnu.tar.gz@"
    end
  end

  def install
    bin.install "docker-credential-ecrx"
    man1.install Dir["man/*.1"]
    man5.install Dir["man/*.5"]
    man7.install Dir["man/*.7"]
    bash_completion.install "completions/docker-credential-ecrx.bash" => "docker-credential-ecrx"
    zsh_completion.install "completions/_docker-credential-ecrx"
    fish_completion.install "completions/docker-credential-ecrx.fish"
    doc.install "THIRD-PARTY-LICENSES", "config.example.toml"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/docker-credential-ecrx version")
  end
end
