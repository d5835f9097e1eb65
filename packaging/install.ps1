# Installs docker-credential-ecrx on Windows from the archive of a release, for one user.
# SHA256SUMS of the release must list the archive with the sum that it has.
#
# There is no public address of releases yet, so -BaseUrl or -From is required:
#   -BaseUrl  the folder of a server that holds one folder per version: BASE_URL/VERSION/SHA256SUMS;
#   -From     a folder of this machine with the files of one release.
#
# usage: install.ps1 -BaseUrl URL [-Version VERSION] [-Prefix FOLDER]
#        install.ps1 -From FOLDER [-Version VERSION] [-Prefix FOLDER]
#        install.ps1 -Uninstall [-Prefix FOLDER]
param(
    [string]$BaseUrl = $env:ECRX_BASE_URL,
    [string]$From,
    [string]$Version = '0.1.0',
    [string]$Prefix = (Join-Path $env:LOCALAPPDATA 'Programs'),
    [switch]$Uninstall
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$program = 'docker-credential-ecrx.exe'

# Nothing else is in this folder.
$folder = Join-Path $Prefix 'docker-credential-ecrx'
$isOurs = Test-Path (Join-Path $folder $program)

if ($Uninstall) {
    if (-not $isOurs) {
        throw "The program is not installed in $folder."
    }
    Remove-Item -Recurse -Force $folder
    Write-Host "Removed $folder. Remove it from PATH too. Docker's configuration, config.toml and cached tokens are kept."
    return
}

if (-not $BaseUrl -and -not $From) {
    throw 'There is no public address of releases yet. Give the address of yours with -BaseUrl.'
}
if (-not $From -and $BaseUrl -notmatch '^https://|^http://(127\.0\.0\.1|localhost)[:/]') {
    throw '-BaseUrl must begin with https://: anyone on the network could change http.'
}
if ((Test-Path $folder) -and -not $isOurs) {
    throw "$folder has other files. Choose another folder with -Prefix."
}

$name = "docker-credential-ecrx-$Version-x86_64-pc-windows-msvc"
$release = if ($From) { $From } else { "$($BaseUrl.TrimEnd('/'))/$Version" }
$work = Join-Path ([IO.Path]::GetTempPath()) ([IO.Path]::GetRandomFileName())
New-Item -ItemType Directory $work | Out-Null
try {
    foreach ($file in 'SHA256SUMS', "$name.zip") {
        if ($From) {
            Copy-Item (Join-Path $From $file) $work
        } else {
            Invoke-WebRequest -UseBasicParsing -TimeoutSec 900 -Uri "$release/$file" -OutFile (Join-Path $work $file)
        }
    }
    $expected = Get-Content (Join-Path $work 'SHA256SUMS') |
        Where-Object { ($_ -split '\s+', 2)[1] -eq "$name.zip" } |
        ForEach-Object { ($_ -split '\s+', 2)[0] }
    if (-not $expected) {
        throw "$release/SHA256SUMS does not list $name.zip"
    }
    $found = (Get-FileHash -Algorithm SHA256 (Join-Path $work "$name.zip")).Hash
    if ($found -ne $expected) {
        throw "$release/$name.zip is damaged: its SHA-256 is $found instead of $expected. Nothing was installed."
    }
    Expand-Archive (Join-Path $work "$name.zip") $work
    & (Join-Path $work "$name\$program") version | Out-Null
    if ($LASTEXITCODE -ne 0) {
        throw 'The program does not run on this machine. Nothing was installed.'
    }
    if ($isOurs) {
        Remove-Item -Recurse -Force $folder
    }
    New-Item -ItemType Directory -Force $Prefix | Out-Null
    Move-Item (Join-Path $work $name) $folder
} finally {
    Remove-Item -Recurse -Force $work
}
Write-Host "Installed docker-credential-ecrx $Version. Add $folder to PATH, so that clients find it."
Write-Host 'To configure docker, run: docker-credential-ecrx configure-docker HOST'
