{
  description = "A Docker credential helper for Amazon ECR across accounts, regions and roles";

  inputs.nixpkgs.url = "nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      version = "@version@";
      sums = {
        x86_64-linux = {
          target = "x86_64-unknown-linux-gnu";
          sha256 = "@sha256 x86_64-unknown-linux-gnu.tar.gz@";
        };
        aarch64-linux = {
          target = "aarch64-unknown-linux-gnu";
          sha256 = "@sha256 aarch64-unknown-linux-gnu.tar.gz@";
        };
        x86_64-darwin = {
          target = "x86_64-apple-darwin";
          sha256 = "@sha256 x86_64-apple-darwin.tar.gz@";
        };
        aarch64-darwin = {
          target = "aarch64-apple-darwin";
          sha256 = "@sha256 aarch64-apple-darwin.tar.gz@";
        };
      };
      package = system: { target, sha256 }:
        let pkgs = nixpkgs.legacyPackages.${system};
        in pkgs.stdenvNoCC.mkDerivation {
          pname = "docker-credential-ecrx";
          inherit version;
          src = pkgs.fetchurl {
            url = "@url@/docker-credential-ecrx-${version}-${target}.tar.gz";
            inherit sha256;
          };
          nativeBuildInputs = [ pkgs.installShellFiles ];
          dontStrip = true;
          installPhase = ''
            runHook preInstall
            install -Dm755 docker-credential-ecrx -t $out/bin
            installManPage man/*.[157]
            installShellCompletion completions/docker-credential-ecrx.{bash,fish}
            installShellCompletion --zsh completions/_docker-credential-ecrx
            install -Dm644 LICENSE-* THIRD-PARTY-LICENSES -t $out/share/licenses/docker-credential-ecrx
            runHook postInstall
          '';
          meta = {
            description = "A Docker credential helper for Amazon ECR across accounts, regions and roles";
            license = with pkgs.lib.licenses; [ mit asl20 ];
            mainProgram = "docker-credential-ecrx";
            platforms = builtins.attrNames sums;
          };
        };
    in {
      packages = builtins.mapAttrs (system: sum: { default = package system sum; }) sums;
    };
}
