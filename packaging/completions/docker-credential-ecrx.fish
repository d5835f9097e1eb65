# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_docker_credential_ecrx_global_optspecs
    string join \n v/version h/help
end

function __fish_docker_credential_ecrx_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_docker_credential_ecrx_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_docker_credential_ecrx_using_subcommand
    set -l cmd (__fish_docker_credential_ecrx_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_needs_command" -s v -l version -d 'Print the version'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_needs_command" -f -a "configure-docker" -d 'Have docker or podman ask this program for the passwords of registries'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_needs_command" -f -a "doctor" -d 'Find out why an image cannot be pulled'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_needs_command" -f -a "policy" -d 'Print the policies that let one account use the registry of another'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_needs_command" -f -a "password" -d 'Print the password of a registry, for `docker login --password-stdin` and its like'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_needs_command" -f -a "whoami" -d 'Say who would ask for a registry\'s token, and why, without asking anybody'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_needs_command" -f -a "cache" -d 'See and empty the cache of tokens'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_needs_command" -f -a "config" -d 'Check config.toml, and see what it decides'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_needs_command" -f -a "completions" -d 'Print the completions of a shell'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_needs_command" -f -a "version" -d 'print the version; also -v, --version'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_needs_command" -f -a "help" -d 'print this, or with a command behind it, the help of that'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand configure-docker" -l profile -d 'Have this profile of ~/.aws/config ask for them: adds a rule to config.toml' -r -f
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand configure-docker" -l role-arn -d 'Have this role ask for them: adds a rule to config.toml' -r -f
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand configure-docker" -l podman -d 'Change podman\'s auth.json, which skopeo and buildah read too, instead of docker\'s file'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand configure-docker" -l all -d 'Every registry that config.toml names'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand configure-docker" -l creds-store -d 'Be the helper of all registries (credsStore), those that are not ECR\'s included'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand configure-docker" -l fix -d 'Apply the fixes that are offered for these registries: remove their old logins and misspelled entries. Other registries stay as they are'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand configure-docker" -l dry-run -d 'Show what would change, and change nothing'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand configure-docker" -l undo -d 'Remove this program\'s entries, of these hosts or all, and put back what the backup had for them. Rules and other_registries_helper in config.toml stay'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand configure-docker" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand doctor" -l push -d 'Look whether the image could be pushed, too: opens an upload and cancels it'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand doctor" -l json -d 'Print JSON'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand policy" -l registry -d 'All of a registry: a host, or an account and region (`111122223333/eu-west-1`). Of an image, its repository' -r -f
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand policy" -l repository -d 'A repository, by its ARN; may be given several times' -r -f
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand policy" -l principal -d 'Who is to use it: the ARN of a role or user, or an account; may be given several times' -r -f
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand policy" -l org -d 'Every account of this organization' -r -f
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand policy" -l role-arn -d 'By a role in the registry\'s account, which they assume, instead of as themselves' -r -f
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand policy" -l external-id -d 'What they have to send to assume that role' -r -f
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand policy" -l format -d 'In which form' -r -f -a "json\t'JSON documents under headings'
terraform\t'Terraform resources'
cli\t'Commands of the AWS CLI'"
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand policy" -l pull -d 'To pull images (the default)'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand policy" -l push -d 'To push images, and pull them'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand policy" -l scan -d 'To read the findings of image scans'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand policy" -l json -d 'Print one JSON list of all documents, for programs'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand policy" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand password" -l min-lifetime -d 'How long it must be good for, at least: `30m`, `11h`; 12 hours at most. When the cached one is not, a new one is bought' -r -f
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand password" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand whoami" -l json -d 'Print JSON'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand whoami" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand cache; and not __fish_seen_subcommand_from list clear path" -s h -l help -d 'Print help'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand cache; and not __fish_seen_subcommand_from list clear path" -f -a "list" -d 'List the tokens: registry, who bought it, its age, when it is renewed and when it ends'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand cache; and not __fish_seen_subcommand_from list clear path" -f -a "clear" -d 'Delete the tokens of a registry, whoever bought them, or all there are'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand cache; and not __fish_seen_subcommand_from list clear path" -f -a "path" -d 'Print the folder'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand cache; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand cache; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand cache; and __fish_seen_subcommand_from clear" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand cache; and __fish_seen_subcommand_from path" -s h -l help -d 'Print help'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand config; and not __fish_seen_subcommand_from check show" -s h -l help -d 'Print help'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand config; and not __fish_seen_subcommand_from check show" -f -a "check" -d 'Read the configuration files, and find what in them can never work'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand config; and not __fish_seen_subcommand_from check show" -f -a "show" -d 'Show what decides for a registry: each layer, the rule, and the settings'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand config; and __fish_seen_subcommand_from check" -l json -d 'Print JSON'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand config; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand config; and __fish_seen_subcommand_from show" -l json -d 'Print JSON'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c docker-credential-ecrx -f
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand completions" -f -a "bash zsh fish powershell"
complete -c docker-credential-ecrx -n "__fish_docker_credential_ecrx_using_subcommand help" -f -a "configure-docker doctor policy password whoami cache config completions"
