# MailEnable has one certificate for SMTP, IMAP and POP, which it chooses by a name in the registry.
# No documentation says what kind of name that is. So it is read off: the registry must have exactly
# one of the names of the certificate that is served now. Otherwise the server is refused.
# docs/servers/mailenable.md has the source of each value of this table.

$mailEnable = @{
  product = 'HKLM:\SOFTWARE\WOW6432Node\Mail Enable\Mail Enable'
  editions = @('Enterprise Version', 'Professional Version')
  majors = @('9', '10')
  security = 'HKLM:\SOFTWARE\WOW6432Node\Mail Enable\Mail Enable\Security'
  choice = 'Default SSL Certificate'
  services = @('MESMTPCS', 'MEIMAPS', 'MEPOPS')
}
$localSystem = @('LocalSystem', 'NT AUTHORITY\SYSTEM')

function Get-MailEnableVersion {
  if (-not (Test-Path -LiteralPath $mailEnable.product)) { return $null }
  $key = Get-Item -LiteralPath $mailEnable.product
  foreach ($edition in $mailEnable.editions) {
    $version = $key.GetValue($edition)
    if ($version) { return "$version" }
  }
  return ''
}

# The services that run: name, account, process. A stopped service is left alone.
function Get-MailEnableServices {
  $all = @(Get-CimInstance -ClassName Win32_Service | Where-Object { $_.Name -in $mailEnable.services -and $_.State -eq 'Running' })
  return @($all | ForEach-Object { [pscustomobject]@{ name = $_.Name; account = $_.StartName; process = [int]$_.ProcessId } })
}

# The accounts that need a right on the key; SYSTEM has one. Windows writes an account of this
# machine as `.\NAME`, and a right needs the machine's name.
function Get-KeyReaders($services) {
  return @($services | Where-Object { $_ } | ForEach-Object { $_.account -creplace '^\.\\', "$env:COMPUTERNAME\" } | Where-Object { $_ -notin $localSystem } | Select-Object -Unique)
}

function Get-MailEnablePorts([hashtable]$listeners, $services) {
  $processes = @($services | Where-Object { $_ } | ForEach-Object { $_.process })
  return @($mailPorts | Where-Object { $listeners.ContainsKey($_) -and $listeners[$_].process -in $processes })
}

function Get-Choice { return (Get-Item -LiteralPath $mailEnable.security).GetValue($mailEnable.choice) }

function Set-Choice([string]$name) {
  Set-ItemProperty -LiteralPath $mailEnable.security -Name $mailEnable.choice -Value $name -Type String
}

# The name by which MailEnable would choose a certificate, by the kind of name.
function Get-Rendering($certificate, [string]$form) {
  switch ($form) {
    'thumbprint' { return $certificate.Thumbprint }
    'friendly-name' { return $certificate.FriendlyName }
    'subject' { return $certificate.Subject }
    'dns-name' { return $certificate.GetNameInfo([System.Security.Cryptography.X509Certificates.X509NameType]::DnsName, $false) }
  }
}

function Get-Forms($certificate, [string]$choice) {
  return @('thumbprint', 'friendly-name', 'subject', 'dns-name' | Where-Object { (Get-Rendering $certificate $_) -ceq $choice })
}

# What was found. `refusal` says what is not as expected, and what to do; otherwise `form` is the
# kind of name.
function Get-MailEnableState([hashtable]$listeners) {
  $state = [pscustomobject]@{ refusal = $null; version = (Get-MailEnableVersion); form = $null; choice = $null; services = @(Get-MailEnableServices); ports = @() }
  $state.ports = @(Get-MailEnablePorts $listeners $state.services)
  $key = Get-Item -LiteralPath $mailEnable.security -ErrorAction SilentlyContinue
  if ($null -eq $state.version) {
    $state.refusal = 'no MailEnable is here, and no other mail software on Windows is known; register another server'
  } elseif (($state.version -split '\.')[0] -notin $mailEnable.majors) {
    $state.refusal = "its version '$($state.version)' is none of those that are known ($($mailEnable.majors -join ', ')); upgrade it, or let its operator install certificates"
  } elseif ($state.services.Count -eq 0) {
    $state.refusal = "none of its services $($mailEnable.services -join ', ') runs; start them and register the server again"
  } elseif (-not $key -or $mailEnable.choice -notin $key.GetValueNames() -or "$($key.GetValueKind($mailEnable.choice))" -ne 'String') {
    $state.refusal = "its registry has no text '$($mailEnable.choice)' under $($mailEnable.security); choose a certificate in its console (Localhost, Properties, SSL) and register the server again"
  } else {
    $state.choice = "$(Get-Choice)"
    $served = @($state.ports | ForEach-Object { Get-Served $listeners $_ 'default' 'default' @() } | Where-Object { $_ })
    $thumbprints = @($served | ForEach-Object { $_.certificate.Thumbprint } | Select-Object -Unique)
    if ($thumbprints.Count -eq 0) {
      $state.refusal = 'no mail port of it answers TLS; turn TLS on in its console with any certificate, and register the server again'
    } elseif ($thumbprints.Count -gt 1) {
      $state.refusal = 'its ports serve more than one certificate, so which one the registry names cannot be told; restart its services and register the server again'
    } else {
      $stored = @(Find-Stored 'My' $thumbprints[0])
      $forms = @($stored | ForEach-Object { Get-Forms $_ $state.choice })
      if ($forms.Count -eq 1) { $state.form = $forms[0] }
      elseif ($forms.Count -eq 0) { $state.refusal = "its registry names '$($state.choice)', which is no name of the certificate that it serves; choose that certificate in its console once more, restart its services and register the server again" }
      else { $state.refusal = "its registry names '$($state.choice)', which is $($forms -join ' and ') of the certificate that it serves; give that certificate another friendly name, choose it in its console once more and register the server again" }
    }
  }
  return $state
}

# Other stored certificates that MailEnable could choose by this name.
function Get-Namesakes([string]$form, [string]$name, [string]$thumbprint) {
  return @(Get-Stored 'My' | Where-Object { $_.Thumbprint -ne $thumbprint -and (Get-Rendering $_ $form) -eq $name })
}

# It is not known whether MailEnable reads its choice again without a restart. So each running
# service is restarted, once a delivery.
function Restart-MailEnable {
  foreach ($service in @(Get-MailEnableServices)) {
    Restart-Service -Name $service.name -Force
    (Get-Service -Name $service.name).WaitForStatus('Running', [TimeSpan]::FromSeconds(60))
  }
}
