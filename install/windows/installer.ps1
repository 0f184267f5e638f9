# sealpost on a Windows mail server, for MailEnable and webmail behind IIS: one delivery is one
# transaction.
#
#   installer.ps1 DELIVERY HASH   does what the delivery says and prints the answer (SSM runs this)
#   installer.ps1 undo-adoption   puts MailEnable's own certificate back, and removes every binding
#                                 and certificate of ours
#
# It has run on no Windows yet. docs/servers/mailenable.md lists each value that it depends on. It
# acts only if everything that it finds is as expected. Otherwise it says what is different, and
# changes nothing. Its guarantees are those of installer.sh: the answer says "served" only of a
# certificate that a handshake showed, and a certificate that no handshake shows is rolled back.
#
#   %ProgramData%\sealpost\
#     answer    the last answer; its first line holds hash and sequence number
#     domains   a line for each certificate: place kind id leaf mail-name web-name thumbprint, and
#               what IIS had bound to the web name before
#     adopted   MailEnable's choice before adoption, its ports, and the site of the webmail
#     journal   what was there before the switch, without keys; there from switch to commit
#   LocalMachine\My         certificates and keys of ours: friendly name "sealpost PLACE SEQUENCE"
#   LocalMachine\sealpost   certificates that were put aside, because MailEnable chooses by name
#
# Exit code: 0 answered, 20 rolled back, 30 broken (the old certificate is not served either), 40
# busy, 50 environment.
param([string]$deliveryPath, [string]$hash)
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'
# What these print would stand before the answer.
$ProgressPreference = 'SilentlyContinue'
$WarningPreference = 'SilentlyContinue'

$base = Join-Path $env:ProgramData 'sealpost'
$utf8 = New-Object System.Text.UTF8Encoding $false
$script:phase = 'environment'
$script:status = 50
$script:facts = New-Object System.Collections.ArrayList

. ./delivery.ps1
. ./certificate.ps1
. ./look.ps1
. ./mailenable.ps1
. ./iis.ps1
. ./inspect.ps1
. ./check.ps1
. ./transaction.ps1
. ./journal.ps1
. ./audit.ps1

function Stop-Installer([int]$code, [string]$why) {
  $script:status = $code
  throw $why
}

function Add-Fact([string]$fact) { [void]$script:facts.Add("fact $fact") }

# Writes beside the file, flushes, renames. A reader and a power cut see the old file or the new
# one, never half of it.
function Write-Whole([string]$name, [string]$text) {
  $to = Join-Path $base $name
  $stream = New-Object System.IO.FileStream "$to.new", 'Create', 'Write', 'None'
  try {
    $bytes = $utf8.GetBytes($text)
    $stream.Write($bytes, 0, $bytes.Length)
    $stream.Flush($true)
  } finally { $stream.Dispose() }
  # PowerShell passes a plain $null as an empty text.
  if (Test-Path -LiteralPath $to) { [System.IO.File]::Replace("$to.new", $to, [NullString]::Value) } else { [System.IO.File]::Move("$to.new", $to) }
}

function Read-Lines([string]$name) {
  $from = Join-Path $base $name
  if (-not (Test-Path -LiteralPath $from)) { return @() }
  return @([System.IO.File]::ReadAllLines($from) | Where-Object { $_ -ne '' })
}

function Remove-File([string]$name) {
  $path = Join-Path $base $name
  if (Test-Path -LiteralPath $path) { Remove-Item -LiteralPath $path -Force }
}

function Assert-Environment {
  $version = $PSVersionTable.PSVersion
  if ($version.Major -ne 5 -or $version.Minor -lt 1) { Stop-Installer 50 "this is PowerShell $version, and what is known here is Windows PowerShell 5.1; install Windows Management Framework 5.1" }
  $release = (Get-ItemProperty -LiteralPath 'HKLM:\SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full').Release
  if ($release -lt 461808) { Stop-Installer 50 "the .NET Framework here has release $release, older than 4.7.2 (461808), which joins a certificate to its key; install .NET Framework 4.8" }
  $me = [System.Security.Principal.WindowsIdentity]::GetCurrent()
  if (-not $me.IsSystem) { Stop-Installer 50 "it must run as SYSTEM, as the SSM Agent does, and runs as $($me.Name)" }
  if (-not (Test-Path -LiteralPath $base)) {
    $rights = New-Object System.Security.AccessControl.DirectorySecurity
    $rights.SetSecurityDescriptorSddlForm('O:SYD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)')
    [void][System.IO.Directory]::CreateDirectory($base, $rights)
  }
  # Everybody may make a folder in ProgramData. A junction leads to a folder that SYSTEM owns, and
  # what is written here would land there.
  $isLink = (Get-Item -LiteralPath $base -Force).Attributes -band [System.IO.FileAttributes]::ReparsePoint
  if ($isLink) { Stop-Installer 50 "$base is a link to another folder and is none of ours; remove it" }
  $ours = @('S-1-5-18', 'S-1-5-32-544')
  $acl = Get-Acl -LiteralPath $base
  $owner = $acl.GetOwner([System.Security.Principal.SecurityIdentifier]).Value
  if ($owner -notin $ours) { Stop-Installer 50 "$base belongs to $owner and is none of ours; remove it" }
  $others = @($acl.GetAccessRules($true, $true, [System.Security.Principal.SecurityIdentifier]) | Where-Object { $_.IdentityReference.Value -notin $ours })
  if ($others.Count -gt 0) { Stop-Installer 50 "$base has rights for $($others[0].IdentityReference.Value) and is none of ours; remove it" }
}

# One installer at a time: the file is open while this one runs, and Windows closes it however it
# ends.
function Lock-Server {
  $until = (Get-Date).AddSeconds(120)
  while ($true) {
    try { return [System.IO.File]::Open((Join-Path $base 'lock'), 'OpenOrCreate', 'ReadWrite', 'None') }
    catch {
      if ((Get-Date) -gt $until) { Stop-Installer 40 "another installer is at work ($($_.Exception.Message))" }
      Start-Sleep -Milliseconds 500
    }
  }
}

# An answer is stored before it is printed. SSM cuts the output at 24,000 characters.
function Write-Answer($delivery, [string]$outcome, [string[]]$letters, [string[]]$reasons, [string[]]$more) {
  $lines = @("sealpost $hash $($delivery.seq) $outcome", ($letters -join '')) + @($reasons | Select-Object -First 100) + @($script:facts) + $more
  $text = (@($lines | ForEach-Object { ConvertTo-Line $_ 200 }) -join "`n") + "`n"
  if ($text.Length -gt 23000) { $text = $text.Substring(0, 23000) }
  Write-Whole 'answer' $text
}

# The line of letters stays whole; every other line is cut. Only printable ASCII is passed on.
function ConvertTo-Line([string]$line, [int]$most) {
  $plain = $line -creplace '[^ -~]', '?'
  if ($plain -cmatch '^[sudrbx]+$' -or $plain.Length -le $most) { return $plain }
  return $plain.Substring(0, $most)
}

function Invoke-Delivery {
  $delivery = Read-Delivery $deliveryPath
  $script:phase = 'sequence'
  $stored = @('', '', '0')
  $answer = @(Read-Lines 'answer')
  if ($answer.Count -gt 0) { $stored = $answer[0] -split ' ' }
  $begun = Read-Journal
  $last = [Math]::Max([long]$stored[2], $(if ($begun) { [long]$begun.seq } else { 0 }))
  if ($delivery.seq -lt $last) { return "sealpost $hash $($delivery.seq) stale $last`n`n" }
  if ($begun) {
    $script:phase = 'recover'
    Restore-Journal $begun ($stored[1] -eq $begun.hash)
  }
  if ($stored[1] -eq $hash) { return Read-Answer }
  $now = [DateTimeOffset]::UtcNow.ToUnixTimeSeconds()
  if ($now -gt $delivery.notAfter) { return "sealpost $hash $($delivery.seq) expired`n`n" }
  if ($now -lt $delivery.issuedAt - 300) { Stop-Installer 50 "this clock is $($delivery.issuedAt - $now) s behind the one that wrote the delivery" }
  switch ($delivery.mode) {
    'inspect' { Invoke-Inspection $delivery }
    'install' { Invoke-Transaction $delivery }
    'verify' { Write-Answer $delivery 'verified' @() @() @(Get-AuditLines $delivery) }
  }
  return Read-Answer
}

function Read-Answer {
  $text = [System.IO.File]::ReadAllText((Join-Path $base 'answer'))
  switch (($text -split '\s')[3]) {
    'rolled-back' { $script:status = 20 }
    'broken' { $script:status = 30 }
    default { $script:status = 0 }
  }
  return $text
}

$lock = $null
$said = ''
try {
  Assert-Environment
  $lock = Lock-Server
  if ($deliveryPath -ceq 'undo-adoption') {
    $script:phase = 'undo'
    Undo-Adoption | Out-Null
    $script:status = 0
  } else {
    if ($hash -cnotmatch '^[a-f0-9]{64}$') { Stop-Installer 50 'the second argument is the sha256 of the delivery' }
    # A function of PowerShell returns all that it leaves behind; the answer is the last of that.
    $said = @(Invoke-Delivery)[-1]
    if ($said -cmatch '^sealpost \S+ \S+ (stale|expired)') { $script:status = 0 }
  }
} catch {
  [Console]::Error.WriteLine((ConvertTo-Line "sealpost: stopped in phase $($script:phase): $($_.Exception.Message)" 300))
} finally {
  if ($lock) { $lock.Dispose() }
}
[Console]::Out.Write($said)
exit $script:status
