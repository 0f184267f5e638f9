# The journal: what there was before the switch, so that this run or the next one can roll back. It
# has no keys.
#
#   begun HASH SEQUENCE
#   choice NAME               MailEnable's choice, if it is changed
#   aside THUMBPRINT          a certificate that was put aside: it has the name of the new one
#   binding NAME THUMBPRINT   what IIS had bound to the name

function Write-Journal($delivery, $work) {
  $lines = @("begun $hash $($delivery.seq)")
  if (@($work.go | Where-Object { $_.isHost }).Count -gt 0) { $lines += "choice $(Get-Choice)" }
  foreach ($change in $work.go) {
    $lines += @($change.aside | ForEach-Object { "aside $_" })
    if ($change.web -cne '-') { $lines += "binding $($change.web) $($change.bound)" }
  }
  Write-Whole 'domains.before' ((@(Read-Lines 'domains') -join "`n") + "`n")
  Write-Whole 'journal' (($lines -join "`n") + "`n")
}

function Read-Journal {
  $lines = @(Read-Lines 'journal')
  if ($lines.Count -eq 0) { return $null }
  $null, $begunBy, $seq = $lines[0] -split ' '
  $journal = [pscustomobject]@{ hash = $begunBy; seq = [long]$seq; choice = $null; aside = @(); bindings = @() }
  foreach ($line in @($lines | Select-Object -Skip 1)) {
    $name, $rest = $line -split ' ', 2
    switch -CaseSensitive ($name) {
      'choice' { $journal.choice = "$rest" }
      'aside' { $journal.aside += $rest }
      'binding' { $journal.bindings += [pscustomobject]@{ name = ($rest -split ' ')[0]; thumbprint = ($rest -split ' ')[1] } }
    }
  }
  return $journal
}

# Puts back the bindings of NAMES, and MailEnable's choice if ISHOST. Each step is idempotent.
function Restore-Changes($journal, [string[]]$names, [bool]$isHost) {
  $adoption = Read-Adoption
  foreach ($binding in @($journal.bindings | Where-Object { $names -ccontains $_.name })) { if (Test-Iis) { Set-Bound $adoption.site $binding.name $binding.thumbprint } }
  if (-not $isHost) { return }
  foreach ($one in $journal.aside) { Move-Stored $one $friendly 'My' }
  Set-Choice $journal.choice
  Restart-MailEnable
}

# After a run that was killed. If its answer was stored, only the clean-up is left; otherwise all of
# it is rolled back.
function Restore-Journal($journal, [bool]$isAnswered) {
  if (-not $isAnswered) {
    Restore-Changes $journal @($journal.bindings | ForEach-Object { $_.name }) ($null -ne $journal.choice)
    Write-Whole 'domains' ((@(Read-Lines 'domains.before') -join "`n") + "`n")
  }
  Remove-Unused
  Remove-File 'journal'
}

# Removes certificates of ours that are not on record, with their keys. This comes last, when
# nothing serves them.
function Remove-Unused {
  $used = @(Read-Domains | ForEach-Object { $_.thumbprint })
  foreach ($one in @(Get-Stored $friendly | Where-Object { $_.FriendlyName -clike "$friendly *" -and $_.Thumbprint -notin $used })) { Move-Stored $one.Thumbprint $friendly 'My' }
  foreach ($one in @(Get-Stored 'My' | Where-Object { $_.FriendlyName -clike "$friendly *" -and $_.Thumbprint -notin $used })) { Remove-Ours $one.Thumbprint }
  Remove-File 'domains.before'
}
