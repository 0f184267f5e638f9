# Deploys the synthesised stack from Terraform. CDK makes the template and uploads the functions'
# code; Terraform owns the CloudFormation stack and its parameters. README.md has the two commands
# that come before `terraform apply`.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "cdk_out" {
  description = "The folder that cdk synth wrote."
  type        = string
}

variable "name" {
  description = "The name of the stack. The command line finds it by --stack."
  type        = string
  default     = "sealpost"
}

variable "parameters" {
  description = "The settings, as docs/settings.md lists them. Four have no default: AcmeContact, AcmeTermsAgreed, ChallengeZoneId, ChallengeZoneName."
  type        = map(string)
}

data "aws_caller_identity" "here" {}
data "aws_region" "here" {}

locals {
  manifest = jsondecode(file("${var.cdk_out}/manifest.json"))
  # s3://cdk-…-assets-${AWS::AccountId}-${AWS::Region}/<hash>.json
  asset  = local.manifest.artifacts[var.name].properties.stackTemplateAssetObjectUrl
  place  = replace(replace(local.asset, "$${AWS::AccountId}", data.aws_caller_identity.here.account_id), "$${AWS::Region}", data.aws_region.here.name)
  bucket = split("/", trimprefix(local.place, "s3://"))[0]
  key    = split("/", trimprefix(local.place, "s3://"))[1]
}

resource "aws_cloudformation_stack" "sealpost" {
  name         = var.name
  template_url = "https://${local.bucket}.s3.${data.aws_region.here.name}.amazonaws.com/${local.key}"
  parameters   = var.parameters
  capabilities = ["CAPABILITY_NAMED_IAM"]
}

output "bus" {
  description = "The bus to which the panel puts its events."
  value       = aws_cloudformation_stack.sealpost.outputs["BusName"]
}

output "pages_topic" {
  description = "The topic to which the person on duty subscribes."
  value       = aws_cloudformation_stack.sealpost.outputs["PagesTopic"]
}

output "mail_server_role" {
  description = "The role for mail servers, and the policy for a role of your own."
  value       = aws_cloudformation_stack.sealpost.outputs["MailServerRole"]
}
