
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'docker-credential-ecrx' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'docker-credential-ecrx'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'docker-credential-ecrx' {
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print the version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print the version')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('configure-docker', 'configure-docker', [CompletionResultType]::ParameterValue, 'Have docker or podman ask this program for the passwords of registries')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Find out why an image cannot be pulled')
            [CompletionResult]::new('policy', 'policy', [CompletionResultType]::ParameterValue, 'Print the policies that let one account use the registry of another')
            [CompletionResult]::new('password', 'password', [CompletionResultType]::ParameterValue, 'Print the password of a registry, for `docker login --password-stdin` and its like')
            [CompletionResult]::new('whoami', 'whoami', [CompletionResultType]::ParameterValue, 'Say who would ask for a registry''s token, and why, without asking anybody')
            [CompletionResult]::new('cache', 'cache', [CompletionResultType]::ParameterValue, 'See and empty the cache of tokens')
            [CompletionResult]::new('config', 'config', [CompletionResultType]::ParameterValue, 'Check config.toml, and see what it decides')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completions of a shell')
            [CompletionResult]::new('version', 'version', [CompletionResultType]::ParameterValue, 'print the version; also -v, --version')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'print this, or with a command behind it, the help of that')
            break
        }
        'docker-credential-ecrx;configure-docker' {
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Have this profile of ~/.aws/config ask for them: adds a rule to config.toml')
            [CompletionResult]::new('--role-arn', '--role-arn', [CompletionResultType]::ParameterName, 'Have this role ask for them: adds a rule to config.toml')
            [CompletionResult]::new('--podman', '--podman', [CompletionResultType]::ParameterName, 'Change podman''s auth.json, which skopeo and buildah read too, instead of docker''s file')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Every registry that config.toml names')
            [CompletionResult]::new('--creds-store', '--creds-store', [CompletionResultType]::ParameterName, 'Be the helper of all registries (credsStore), those that are not ECR''s included')
            [CompletionResult]::new('--fix', '--fix', [CompletionResultType]::ParameterName, 'Apply the fixes that are offered for these registries: remove their old logins and misspelled entries. Other registries stay as they are')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Show what would change, and change nothing')
            [CompletionResult]::new('--undo', '--undo', [CompletionResultType]::ParameterName, 'Remove this program''s entries, of these hosts or all, and put back what the backup had for them. Rules and other_registries_helper in config.toml stay')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'docker-credential-ecrx;doctor' {
            [CompletionResult]::new('--push', '--push', [CompletionResultType]::ParameterName, 'Look whether the image could be pushed, too: opens an upload and cancels it')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'docker-credential-ecrx;policy' {
            [CompletionResult]::new('--registry', '--registry', [CompletionResultType]::ParameterName, 'All of a registry: a host, or an account and region (`111122223333/eu-west-1`). Of an image, its repository')
            [CompletionResult]::new('--repository', '--repository', [CompletionResultType]::ParameterName, 'A repository, by its ARN; may be given several times')
            [CompletionResult]::new('--principal', '--principal', [CompletionResultType]::ParameterName, 'Who is to use it: the ARN of a role or user, or an account; may be given several times')
            [CompletionResult]::new('--org', '--org', [CompletionResultType]::ParameterName, 'Every account of this organization')
            [CompletionResult]::new('--role-arn', '--role-arn', [CompletionResultType]::ParameterName, 'By a role in the registry''s account, which they assume, instead of as themselves')
            [CompletionResult]::new('--external-id', '--external-id', [CompletionResultType]::ParameterName, 'What they have to send to assume that role')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'In which form')
            [CompletionResult]::new('--pull', '--pull', [CompletionResultType]::ParameterName, 'To pull images (the default)')
            [CompletionResult]::new('--push', '--push', [CompletionResultType]::ParameterName, 'To push images, and pull them')
            [CompletionResult]::new('--scan', '--scan', [CompletionResultType]::ParameterName, 'To read the findings of image scans')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON list of all documents, for programs')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'docker-credential-ecrx;password' {
            [CompletionResult]::new('--min-lifetime', '--min-lifetime', [CompletionResultType]::ParameterName, 'How long it must be good for, at least: `30m`, `11h`; 12 hours at most. When the cached one is not, a new one is bought')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'docker-credential-ecrx;whoami' {
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'docker-credential-ecrx;cache' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the tokens: registry, who bought it, its age, when it is renewed and when it ends')
            [CompletionResult]::new('clear', 'clear', [CompletionResultType]::ParameterValue, 'Delete the tokens of a registry, whoever bought them, or all there are')
            [CompletionResult]::new('path', 'path', [CompletionResultType]::ParameterValue, 'Print the folder')
            break
        }
        'docker-credential-ecrx;cache;list' {
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'docker-credential-ecrx;cache;clear' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'docker-credential-ecrx;cache;path' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'docker-credential-ecrx;config' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Read the configuration files, and find what in them can never work')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show what decides for a registry: each layer, the rule, and the settings')
            break
        }
        'docker-credential-ecrx;config;check' {
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'docker-credential-ecrx;config;show' {
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'docker-credential-ecrx;completions' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'docker-credential-ecrx;version' {
            break
        }
        'docker-credential-ecrx;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
