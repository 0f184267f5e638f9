# Check: which entries can be installed here, and which are installed already. It changes nothing.

# A port of each running service: a proof looks at these and at 443. The audit looks at all ports.
function Get-PortsToLook($work) {
  $seen = @{}
  foreach ($port in @(Get-MailEnablePorts $work.listeners $work.services)) {
    $process = $work.listeners[$port].process
    if ($seen.ContainsKey($process)) { continue }
    $served = Get-Served $work.listeners $port 'default' 'default' @()
    if ($served) { $seen[$process] = [pscustomobject]@{ port = $port; before = $served.certificate.Thumbprint } }
  }
  return @($seen.Values)
}

function Get-Refusal($entry, $work) {
  $adoption = $work.adoption
  if ($entry.verb -ceq 'remove') { return $null }
  if (-not $adoption) { return 'InstallRefused this server is not adopted; the inspection says what adoption would write' }
  foreach ($probe in @($entry.mail, $entry.web | Where-Object { $_ -cne '-' })) {
    if (-not (Test-Named $entry.names $probe)) { return "CertificateUnusable the certificate does not cover $probe" }
  }
  $unusable = Get-Unusable $entry
  if ($unusable) { return "CertificateUnusable $unusable" }
  if ($entry.mail -cne '-') {
    if ($entry.kind -cne 'host') { return 'InstallRefused MailEnable has one certificate for all names, so a domain is served under the host name' }
    if ($work.ports.Count -eq 0) { return 'InstallRefused no mail port of MailEnable answers TLS' }
    $obstacle = Get-HostObstacle $entry $adoption.form
    if ($obstacle) { return "InstallRefused $obstacle" }
  }
  if ($entry.web -cne '-') {
    if (-not $adoption.site -or -not (Test-Iis)) { return 'InstallRefused no single site of IIS is the webmail here' }
    $obstacle = Get-BindingObstacle $adoption.site $entry.web
    if ($obstacle) { return "InstallRefused $obstacle" }
  }
  if ($entry.mail -ceq '-' -and $entry.web -ceq '-') { return 'InstallRefused no daemon that answers here can serve the certificate by name' }
  return $null
}

function Test-Named([string[]]$names, [string]$probe) {
  $parent = "*$($probe.Substring($probe.IndexOf('.')))"
  return $names -ccontains $probe -or $names -ccontains $parent
}

# MailEnable must find the new certificate by its name, and no other certificate.
function Get-HostObstacle($entry, [string]$form) {
  if ($form -cmatch '^(thumbprint|friendly-name)$') { return $null }
  $leaf = ConvertTo-Certificate $entry.blocks[1].bytes
  $name = Get-Rendering $leaf $form
  if (-not $name) { return "MailEnable chooses by $form here, and this certificate has none; order it with an issuer's profile that gives a common name" }
  $bound = @(Get-AllBound)
  if (@(Get-Namesakes $form $name $leaf.Thumbprint | Where-Object { $_.Thumbprint -in $bound }).Count -gt 0) { return "a certificate that IIS uses has the same $form, $name, and MailEnable could take either; bind another one there" }
  return $null
}

function Test-Unchanged($entry, $work, $delivery) {
  $known = @($work.known | Where-Object { $_.place -ceq $entry.place })
  if ($entry.verb -cne 'install' -or $known.Count -eq 0 -or $known[0].leaf -cne $entry.leaf -or $known[0].web -cne $entry.web) { return $false }
  return Test-Seen $entry $work $delivery
}

# True if each port that the entry is for serves the entry's leaf, with a trusted chain.
function Test-Seen($entry, $work, $delivery) {
  $looks = @()
  if ($entry.mail -cne '-') {
    foreach ($one in $work.ports) { $looks += @(@{ port = $one.port; name = $entry.mail }, @{ port = $one.port; name = 'default' }) }
  }
  if ($entry.web -cne '-') { $looks += @(@{ port = 443; name = $entry.web }) }
  foreach ($look in $looks) {
    $whose = if ($look.name -ceq 'default') { $delivery.server } else { $look.name }
    $seen = Get-Served $work.listeners $look.port $look.name $whose $delivery.roots
    if (-not $seen -or -not $seen.isTrusted -or (Get-Sha256 $seen.certificate.RawData) -cne $entry.leaf) { return $false }
  }
  return $true
}
