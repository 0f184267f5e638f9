# Webmail behind IIS: a binding with SNI (SslFlags 1) for each name, on the site that is the
# webmail. IIS uses a new binding at once: nothing is restarted, and no other site is touched.

function Test-Iis {
  if (-not (Get-Module -ListAvailable -Name WebAdministration)) { return $false }
  Import-Module WebAdministration
  return $true
}

function Get-IisVersion { return "$((Get-ItemProperty -LiteralPath 'HKLM:\SOFTWARE\Microsoft\InetStp').VersionString)" -creplace '[^0-9.]', '' }

# The only site, or the only site with a binding for webmail.*, or nothing.
function Get-WebmailSite {
  $sites = @(Get-ChildItem -LiteralPath 'IIS:\Sites')
  $named = @($sites | Where-Object { @($_.Bindings.Collection | Where-Object { $_.bindingInformation -match ':webmail\.[^:]*$' }).Count -gt 0 })
  if ($sites.Count -eq 1) { return $sites[0].Name }
  if ($named.Count -eq 1) { return $named[0].Name }
  return $null
}

function Get-Binding([string]$name) { return @(Get-WebBinding -Protocol https -Port 443 -HostHeader $name) }

# Says why a name cannot be bound on this site, or nothing.
function Get-BindingObstacle([string]$site, [string]$name) {
  $all = @(Get-Binding $name)
  if (@($all | Where-Object { $_.ItemXPath -notlike "*@name='$site'*" }).Count -gt 0) { return "another site of IIS is bound to $name" }
  if (@($all | Where-Object { [int]$_.sslFlags -ne 1 }).Count -gt 0) { return "the binding of $name in IIS is not one with SNI alone" }
  return $null
}

# The thumbprint of the name's certificate, or '-' if the name is not bound.
function Get-Bound([string]$name) {
  $all = @(Get-Binding $name)
  if ($all.Count -eq 0 -or -not $all[0].certificateHash) { return '-' }
  return $all[0].certificateHash
}

# THUMBPRINT '-' removes the binding.
function Set-Bound([string]$site, [string]$name, [string]$thumbprint) {
  $all = @(Get-Binding $name)
  if ($thumbprint -eq '-') {
    foreach ($one in $all) {
      if ($one.certificateHash) { $one.RemoveSslCertificate() }
      Remove-WebBinding -Name $site -Protocol https -Port 443 -IPAddress '*' -HostHeader $name
    }
    return
  }
  if ($all.Count -eq 0) {
    New-WebBinding -Name $site -Protocol https -Port 443 -IPAddress '*' -HostHeader $name -SslFlags 1
    $all = @(Get-Binding $name)
  }
  $all[0].AddSslCertificate($thumbprint, 'My')
}

# The thumbprints of all bindings. These certificates must stay in My.
function Get-AllBound {
  if (-not (Test-Iis)) { return @() }
  return @(Get-ChildItem -LiteralPath 'IIS:\SslBindings' | ForEach-Object { $_.Thumbprint })
}
