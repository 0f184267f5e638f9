# Inspect: what runs here, and whether all of it is as expected. Adoption notes what there was
# before. It changes nothing of MailEnable or IIS; the first certificate does.

function Invoke-Inspection($delivery) {
  $script:phase = 'inspect'
  $script:facts.Clear()
  $listeners = Find-Listeners
  $state = Get-MailEnableState $listeners
  $adoption = Read-Adoption
  $unknown = @($delivery.leaveOut | Where-Object { $_ -notin 'mailenable', 'iis' })
  foreach ($name in $unknown) { Add-Fact "daemon $name refused `"leaveOut`" names $name, and sealpost knows mailenable and iis here; mend the registration" }
  $known = -not $state.refusal
  Add-Fact "os $((Get-CimInstance -ClassName Win32_OperatingSystem).Caption)"
  if ($state.version) { Add-Fact "mailenable $($state.version)" }
  if ($state.refusal) { Add-Fact "refused MailEnable on Windows: $($state.refusal)" }
  Add-Fact "configuration mailenable $($mailEnable.security)"
  Add-Fact "keys-read-by mailenable $(@(Get-KeyReaders $state.services) -join ',')"
  $site = $null
  if (Test-Iis) {
    if ('iis' -notin $delivery.leaveOut) { $site = Get-WebmailSite }
    Add-Fact "iis $(Get-IisVersion)"
  }
  if ($known -and -not $adoption) {
    if ($delivery.adopt -and $unknown.Count -eq 0 -and 'mailenable' -notin $delivery.leaveOut) {
      Write-Adoption $state $site
      $adoption = Read-Adoption
    }
  }
  Add-Daemons $state $adoption $site $delivery.leaveOut
  $isWeb = $adoption -and $adoption.site -and $listeners.ContainsKey(443)
  $others = @($mailPorts | Where-Object { $listeners.ContainsKey($_) -and $_ -notin $state.ports } | ForEach-Object { Get-ProgramName $listeners[$_].process })
  Add-Fact "cannot-serve-by-name $(@(@('mailenable') + $others | Select-Object -Unique) -join ',')"
  if ($known -and $adoption) { Add-Fact 'host-certificate-for mailenable' }
  Add-Fact "ports $(@(@($state.ports) + $(if ($isWeb) { 443 } else { @() })) -join ',')"
  Add-Fact "serves-by-name $(if ($known -and $isWeb) { 'iis' })"
  Add-Fact "web-servers iis"
  Add-Fact "adopted $(if ($known -and $adoption) { 'yes' } else { 'no' })"
  Add-Fact "free-kb $([long]((Get-PSDrive -Name $env:SystemDrive.Substring(0, 1)).Free / 1024))"
  Add-Fact "host-certificate $(Get-HostCertificate $delivery $listeners)"
  Write-Answer $delivery 'inspected' @() @() @()
}

# The state of each daemon, and what adoption would change. It loses nothing here. What is adopted
# stays so, whatever the registration leaves out.
function Add-Daemons($state, $adoption, [string]$site, [string[]]$leaveOut) {
  if ($state.refusal) { Add-Fact "daemon mailenable refused $($state.refusal)" }
  elseif ($adoption) { Add-Fact 'daemon mailenable adopted' }
  elseif ('mailenable' -in $leaveOut) { Add-Fact 'daemon mailenable left-out the registration leaves it out' }
  else {
    Add-Fact 'daemon mailenable ready'
    Add-Fact "plan mailenable $($mailEnable.security):0 - $($mailEnable.choice) = $($state.choice)"
    Add-Fact "plan mailenable $($mailEnable.security):0 + $($mailEnable.choice) = the $($state.form) of the server's own certificate"
    Add-Fact 'plan mailenable costs a restart of its services for each new certificate of the host'
  }
  if (-not (Test-Iis)) { return }
  if ($adoption -and $adoption.site) { Add-Fact 'daemon iis adopted' }
  elseif ('iis' -in $leaveOut) { Add-Fact 'daemon iis left-out the registration leaves it out' }
  elseif (-not $site) { Add-Fact 'daemon iis absent no single site is the webmail (a binding for webmail.*)' }
  elseif ($state.refusal) { Add-Fact 'daemon iis refused MailEnable is refused here' }
  else {
    Add-Fact 'daemon iis ready'
    Add-Fact "plan iis IIS site ${site}:0 + a binding with SNI for each webmail name"
  }
}

function Get-ProgramName([int]$process) {
  $found = Get-Process -Id $process -ErrorAction SilentlyContinue
  if (-not $found) { return 'unknown' }
  return ($found.ProcessName -creplace '[^A-Za-z0-9._-]', '').ToLowerInvariant()
}

# Says `trusted` if each of the ports 25, 465 and 993 serves a trusted certificate for the server's
# own name to a client that sends no name, whatever program answers there.
function Get-HostCertificate($delivery, [hashtable]$listeners) {
  $verdict = 'none'
  foreach ($port in 25, 465, 993) {
    $seen = Get-Served $listeners $port 'default' $delivery.server $delivery.roots
    if (-not $seen) { continue }
    $verdict = if ($seen.isTrusted -and $verdict -ne 'untrusted') { 'trusted' } else { 'untrusted' }
  }
  return $verdict
}

# The file `adopted`: form and site as they were read off, and MailEnable's choice and its ports
# before adoption.
function Write-Adoption($state, [string]$site) {
  Write-Whole 'adopted' ("form $($state.form)`nbefore $($state.choice)`nsite $site`nports $($state.ports -join ',')`n")
}

function Read-Adoption {
  $value = @{}
  foreach ($line in @(Read-Lines 'adopted')) {
    $name, $rest = $line -split ' ', 2
    $value[$name] = "$rest"
  }
  if ($value.Count -eq 0) { return $null }
  return [pscustomobject]@{ form = $value['form']; before = $value['before']; site = $value['site']; ports = @($value['ports'] -split ',' | Where-Object { $_ } | ForEach-Object { [int]$_ }) }
}

# Puts everything back as it was before adoption.
function Undo-Adoption {
  $adoption = Read-Adoption
  if (-not $adoption) { return }
  $begun = Read-Journal
  if ($begun) { Restore-Journal $begun $false }
  foreach ($record in @(Read-Domains | Where-Object { $_.web -cne '-' })) { if (Test-Iis) { Set-Bound $adoption.site $record.web $record.before } }
  foreach ($one in @(Get-Stored $friendly)) { Move-Stored $one.Thumbprint $friendly 'My' }
  if ((Get-Choice) -cne $adoption.before) {
    Set-Choice $adoption.before
    Restart-MailEnable
  }
  Write-Whole 'domains' ''
  Remove-Unused
  Remove-File 'adopted'
}
