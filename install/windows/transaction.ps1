# The transaction: check, write the journal, import, switch, prove, roll back what no handshake
# shows, store the answer, commit. Nothing changes before the journal is written. After that the
# next run rolls back what this run began, unless the answer is stored.

# The file `domains`: what is installed here, a line for each place.
function Read-Domains {
  return @(Read-Lines 'domains' | ForEach-Object {
      $field = $_ -split ' '
      [pscustomobject]@{ place = $field[0]; domain = ($field[0] -split '@')[0]; kind = $field[1]; certificate = $field[2]; leaf = $field[3]; mail = $field[4]; web = $field[5]; thumbprint = $field[6]; before = $field[7] }
    })
}

function Write-Domains($records) {
  $lines = @($records | ForEach-Object { "$($_.place) $($_.kind) $($_.certificate) $($_.leaf) $($_.mail) $($_.web) $($_.thumbprint) $($_.before)" })
  Write-Whole 'domains' ((@($lines) -join "`n") + "`n")
}

function Invoke-Transaction($delivery) {
  $script:phase = 'check'
  $work = @{ letters = @{}; reasons = New-Object System.Collections.ArrayList; adoption = (Read-Adoption); listeners = (Find-Listeners); known = @(Read-Domains); go = @() }
  $work.services = @(Get-MailEnableServices)
  $work.ports = @(Get-PortsToLook $work)
  foreach ($entry in $delivery.entries) {
    $why = Get-Refusal $entry $work
    if ($why) { Add-Letter $work $entry 'r' $why }
  }
  # If one certificate of a domain is refused, its others are refused, too.
  $refused = @($delivery.entries | Where-Object { $work.letters.ContainsKey($_.number) } | ForEach-Object { $_.domain })
  foreach ($entry in $delivery.entries) {
    if ($work.letters.ContainsKey($entry.number)) { continue }
    if ($refused -ccontains $entry.domain) { Add-Letter $work $entry 'r' 'InstallRefused another certificate of this domain is refused' }
    elseif (Test-Unchanged $entry $work $delivery) { $work.letters[$entry.number] = 'u' }
    else { $work.go += @(New-Change $entry $work) }
  }
  $work.go += @(Get-Left $delivery $work $refused)
  # A name that moves from one place of a domain to another is not removed.
  $webs = @($work.go | Where-Object { $_.entry.verb -ceq 'install' } | ForEach-Object { $_.web })
  foreach ($change in @($work.go | Where-Object { $_.entry.verb -ceq 'remove' -and $webs -ccontains $_.web })) { $change.web = '-' }
  if (@($work.go).Count -gt 0) { Invoke-Switch $delivery $work }
  $letters = @($delivery.entries | ForEach-Object { $work.letters[$_.number] })
  $outcome = if ($letters -ccontains 'x') { 'broken' } elseif ($letters -ccontains 'b' -and $letters -cnotcontains 's' -and $letters -cnotcontains 'd') { 'rolled-back' } else { 'installed' }
  $script:phase = 'commit'
  $more = if ($delivery.rows.Count -gt 0) { @(Get-AuditLines $delivery) } else { @() }
  Write-Answer $delivery $outcome $letters @($work.reasons) $more
  Remove-Unused
  Remove-File 'journal'
}

function Add-Letter($work, $entry, [string]$letter, [string]$reason) {
  $work.letters[$entry.number] = $letter
  if ($entry.number -gt 0) { [void]$work.reasons.Add("$($entry.number) $letter $reason") }
}

# What an entry changes (MailEnable's choice, a binding, or both), and what there was before.
function New-Change($entry, $work) {
  $known = @($work.known | Where-Object { $_.place -ceq $entry.place })
  $isHost = if ($entry.verb -ceq 'install') { $entry.mail -cne '-' } else { $known.Count -gt 0 -and $known[0].mail -cne '-' }
  $web = if ($entry.verb -ceq 'install') { $entry.web } elseif ($known.Count -gt 0) { $known[0].web } else { '-' }
  $change = [pscustomobject]@{ entry = $entry; isHost = $isHost; web = $web; bound = '-'; before = '-'; thumbprint = '-'; name = ''; aside = @() }
  if ($web -cne '-') {
    $change.bound = Get-Bound $web
    $holder = @($work.known | Where-Object { $_.web -ceq $web })
    $change.before = if ($holder.Count -gt 0) { $holder[0].before } else { $change.bound }
  }
  if ($entry.verb -ceq 'install') {
    $leaf = ConvertTo-Certificate $entry.blocks[1].bytes
    $change.thumbprint = $leaf.Thumbprint
    if ($isHost -and $work.adoption.form -cmatch '^(subject|dns-name)$') {
      $change.name = Get-Rendering $leaf $work.adoption.form
      $change.aside = @(Get-Namesakes $work.adoption.form $change.name $leaf.Thumbprint | ForEach-Object { $_.Thumbprint })
    }
  }
  return $change
}

# A delivery names every place of a domain. A place on record that it does not name is removed; its
# entry number is 0, which no entry has.
function Get-Left($delivery, $work, $refused) {
  $named = @($delivery.entries | ForEach-Object { $_.place })
  $domains = @($delivery.entries | ForEach-Object { $_.domain } | Where-Object { $refused -cnotcontains $_ })
  foreach ($record in @($work.known | Where-Object { $domains -ccontains $_.domain -and $named -cnotcontains $_.place })) {
    New-Change ([pscustomobject]@{ number = 0; verb = 'remove'; place = $record.place; domain = $record.domain; kind = $record.kind; mail = '-'; web = '-' }) $work
  }
}

function Invoke-Switch($delivery, $work) {
  $script:phase = 'switch'
  Write-Journal $delivery $work
  foreach ($change in $work.go) {
    if ($change.entry.verb -cne 'install') { continue }
    try {
      $stored = Import-Entry $change.entry $delivery.seq
      if ($change.isHost) { Grant-KeyRead $stored (Get-KeyReaders $work.services) }
      if (-not $change.name -and $change.isHost) { $change.name = Get-Rendering $stored $work.adoption.form }
    } catch { Add-Letter $work $change.entry 'r' "InstallRefused $($_.Exception.Message)" }
  }
  # All certificates of a domain are switched, or none of them.
  $failed = @($work.go | Where-Object { $work.letters[$_.entry.number] } | ForEach-Object { $_.entry.domain })
  foreach ($change in @($work.go | Where-Object { $failed -ccontains $_.entry.domain -and -not $work.letters[$_.entry.number] })) {
    Add-Letter $work $change.entry 'r' 'InstallRefused another certificate of this domain is refused'
  }
  $work.go = @($work.go | Where-Object { $failed -cnotcontains $_.entry.domain })
  $why = @{}
  foreach ($change in $work.go) {
    try { Set-Change $change $work } catch { $why[$change.entry.domain] = $_.Exception.Message }
  }
  if (@($work.go | Where-Object { $_.isHost }).Count -gt 0) {
    try { Restart-MailEnable } catch { $why[$delivery.server] = $_.Exception.Message }
  }
  Confirm-Switch $delivery $work $why
}

function Set-Change($change, $work) {
  $isInstall = $change.entry.verb -ceq 'install'
  if ($change.isHost) {
    foreach ($one in $change.aside) { Move-Stored $one 'My' $friendly }
    Set-Choice $(if ($isInstall) { $change.name } else { $work.adoption.before })
    if (-not $isInstall) { foreach ($one in @(Get-Stored $friendly)) { Move-Stored $one.Thumbprint $friendly 'My' } }
  }
  if ($change.web -cne '-') { Set-Bound $work.adoption.site $change.web $(if ($isInstall) { $change.thumbprint } else { $change.before }) }
}

# Looks for each certificate, rolls back each domain that was not served, and looks again. Then sets
# the letters and the record.
function Confirm-Switch($delivery, $work, $why) {
  $script:phase = 'prove'
  $until = (Get-Date).AddSeconds(60)
  $lost = @()
  foreach ($change in @($work.go | Where-Object { $_.entry.verb -ceq 'install' })) {
    if (-not (Wait-Until $until { Test-Seen $change.entry $work $delivery })) { $lost += $change.entry.domain }
  }
  $script:phase = 'back'
  $back = @($work.go | Where-Object { $lost -ccontains $_.entry.domain })
  if ($back.Count -gt 0) { Restore-Changes (Read-Journal) @($back | ForEach-Object { $_.web }) (@($back | Where-Object { $_.isHost }).Count -gt 0) }
  $until = (Get-Date).AddSeconds(60)
  foreach ($change in $work.go) {
    $domain = $change.entry.domain
    if ($lost -cnotcontains $domain) { Add-Done $work $change; continue }
    $text = "the new one is not seen$(if ($why.ContainsKey($domain)) { ": $($why[$domain])" })"
    if (Wait-Until $until { Test-Back $change $work }) { Add-Letter $work $change.entry 'b' "InstallRolledBack $text" }
    else { Add-Letter $work $change.entry 'x' 'InstallBroken neither the new certificate nor the old one is seen' }
  }
  $changed = @($work.go | Where-Object { $lost -cnotcontains $_.entry.domain })
  $gone = @($changed | ForEach-Object { $_.entry.place })
  $new = @($changed | Where-Object { $_.entry.verb -ceq 'install' } | ForEach-Object { $entry = $_.entry; [pscustomobject]@{ place = $entry.place; kind = $entry.kind; certificate = $entry.certificate; leaf = $entry.leaf; mail = $entry.mail; web = $entry.web; thumbprint = $_.thumbprint; before = $_.before } })
  Write-Domains (@($work.known | Where-Object { $gone -cnotcontains $_.place }) + $new)
}

function Add-Done($work, $change) { $work.letters[$change.entry.number] = $(if ($change.entry.verb -ceq 'install') { 's' } else { 'd' }) }

# True if what was served before is served again. If nothing was bound, anything but the new
# certificate is good.
function Test-Back($change, $work) {
  if ($change.isHost) {
    foreach ($one in $work.ports) {
      $seen = Get-Served $work.listeners $one.port 'default' 'default' @()
      if (-not $seen -or $seen.certificate.Thumbprint -ne $one.before) { return $false }
    }
  }
  if ($change.web -cne '-') {
    $seen = Get-Served $work.listeners 443 $change.web $change.web @()
    if ($change.bound -eq '-') { return -not $seen -or $seen.certificate.Thumbprint -ne $change.thumbprint }
    return $seen -and $seen.certificate.Thumbprint -eq $change.bound
  }
  return $true
}
