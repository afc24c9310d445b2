"""Findings that we keep: which, where, why, and who answers for it.

One that nothing needs any more fails the tests, so the list only says what is true.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Acknowledgement:
    """Patterns must match in full; the first that covers a finding counts."""

    rule: str  # of TOOL RULE, evidence included
    where: str  # of STACK/PATH of the construct
    reason: str
    owner: str  # the team that is asked


ENDPOINT = "[a-z0-9-]+-endpoint-[a-z0-9-]+"
JOB = "[a-z0-9-]+-job-[a-z0-9-]+"
DELIVERY = "delivery-(build|pipeline)"
NETWORK = "[a-z0-9-]+-network"
NIST = r"cdk-nag NIST\.800\.53\.R5-"
AWS = "cdk-nag AwsSolutions-"

ACKNOWLEDGED: tuple[Acknowledgement, ...] = (
    # Templates
    Acknowledgement(
        "(cfn-lint|cloudformation) W3010",
        f"{NETWORK}/Vpc/.*",
        "zones are spelled out, so that synth asks no account for them",
        "platform",
    ),
    Acknowledgement(
        "cfn-lint W3005",
        ".*",
        "CDK hands a construct's dependencies to all that is in it; one twice is harmless",
        "platform",
    ),
    Acknowledgement(
        "cfn-lint E4002.*",
        f"{ENDPOINT}/",
        "a template's Metadata is arbitrary JSON to CloudFormation: cfn-lint forgets that"
        " a number may have a fraction, as what was measured of a model has",
        "platform",
    ),
    # Delivery
    Acknowledgement(
        f"{AWS}CB4",
        f"{DELIVERY}/.*",
        "artifacts and logs are encrypted with keys that AWS owns; one of our own"
        " adds a dollar a month and protects nothing that is secret",
        "security",
    ),
    Acknowledgement(
        rf"{AWS}IAM5\[Action::s3:(GetBucket|GetObject|List|Abort|DeleteObject)\*\]",
        f"{DELIVERY}/.*",
        "CDK's grants of a pipeline to read its source and hand artifacts on",
        "platform",
    ),
    Acknowledgement(
        rf"{AWS}IAM5\[Resource::arn:aws:s3:::lathe-(builds|deploys)-.*/\*\]",
        f"{DELIVERY}/.*",
        "the handover bucket of its pipeline, whole: what branches build has another"
        " than what is deployed",
        "platform",
    ),
    Acknowledgement(
        rf"{AWS}IAM5\[Resource::.*:log-group:/aws/codebuild/<[^>]+>:\*\]",
        f"{DELIVERY}/.*",
        "a project's own log streams",
        "platform",
    ),
    Acknowledgement(
        rf"{AWS}IAM5\[Resource::.*:stack/[a-z-]+-\*/\*\]",
        f"{DELIVERY}/.*",
        "stacks of one stage, to read their templates: ids are not known before",
        "platform",
    ),
    Acknowledgement(
        rf"{AWS}IAM5\[Resource::.*/releases/[a-z-]+/\*\]",
        f"({DELIVERY}/.*|{ENDPOINT}/Check/Role)",
        "a release for each version",
        "platform",
    ),
    Acknowledgement(
        rf"{AWS}IAM5\[Resource::.*:key/\*\]",
        f"({DELIVERY}/.*|{ENDPOINT}/Check/Role)",
        "one key, by its alias, in a condition: wiring key-by-alias holds it to that",
        "security",
    ),
    Acknowledgement(
        f"{AWS}S1|{NIST}S3(BucketLoggingEnabled|BucketReplicationEnabled"
        "|BucketVersioningEnabled|DefaultEncryptionKMS)",
        "delivery-registry/Handover-.*",
        "what steps of a pipeline hand on: only their roles come here, and it is gone"
        " after 30 days",
        "security",
    ),
    Acknowledgement(
        f"{AWS}S1|{NIST}S3BucketLoggingEnabled",
        "delivery-registry/Artifacts",
        "only builds write here and each version is kept; CloudTrail has the data"
        " events for whoever wants to pay for them",
        "security",
    ),
    Acknowledgement(
        f"{NIST}S3BucketReplicationEnabled",
        "delivery-registry/Artifacts",
        "a build makes the same bytes again from the commit; a second region would"
        " double what storage costs",
        "platform",
    ),
    Acknowledgement(
        f"{AWS}S1|{NIST}S3(BucketLoggingEnabled|BucketReplicationEnabled|BucketVersioningEnabled)",
        f"{ENDPOINT}/Balancer/AccessLogs",
        "it is a log, and ends: a log of who wrote it would be as long as itself",
        "security",
    ),
    Acknowledgement(
        f"{NIST}S3DefaultEncryptionKMS",
        f"{ENDPOINT}/Balancer/AccessLogs|delivery-registry/Artifacts",
        "load balancers write only to buckets that S3 encrypts with its own keys; and"
        " artifacts have a key of ours where a team asks for one: customer_key",
        "security",
    ),
    # Pools
    Acknowledgement(
        f"{AWS}AS3",
        "[a-z0-9-]+-cluster/Pool-.*",
        "alarms watch what a pool is for: tasks that answer",
        "platform",
    ),
    Acknowledgement(
        f"{AWS}EC26|{NIST}EC2IMDSv2Enabled",
        "[a-z0-9-]+-cluster/Pool-.*/ASG",
        "neither rule follows mixed instances to their launch template; guard's"
        " INSTANCE_DISKS_ARE_ENCRYPTED and INSTANCES_NEED_A_TOKEN_FOR_THEIR_METADATA do",
        "security",
    ),
    Acknowledgement(
        rf"{AWS}IAM5\[Resource::.*:container-instance/lathe-[a-z-]+/\*\]",
        "[a-z0-9-]+-cluster/Pool-.*",
        "instances of its own cluster, whose ids are not known before they start",
        "security",
    ),
    Acknowledgement(
        rf"{AWS}IAM4\[Policy::.*/AmazonECSInfrastructureRolePolicyForManagedInstances\]",
        "[a-z0-9-]+-cluster/Pool-.*/Provider/.*",
        "what ECS needs to start instances is AWS's to say, and changes with ECS",
        "security",
    ),
    # Rights
    Acknowledgement(
        rf"{AWS}IAM4\[Policy::.*/AmazonECSInfrastructureRolePolicyForLoadBalancers\]",
        f"{ENDPOINT}/Service/.*",
        "what ECS needs to shift requests is AWS's to say, and changes with ECS",
        "security",
    ),
    Acknowledgement(
        rf"{AWS}IAM5\[Resource::arn:aws:s3:::[^*]+\*\]",
        f"{JOB}/Role.*",
        "files below the places that its config names",
        "security",
    ),
    Acknowledgement(
        rf"{AWS}IAM5\[Resource::.*:job-definition/lathe-[a-z0-9-]+:\*\]",
        f"{JOB}/SchedulerRole.*",
        "every revision of its own definition",
        "security",
    ),
    Acknowledgement(
        rf"{AWS}IAM5\[Resource::\*\]",
        ".*",
        "actions that take no other resource; guard's POLICIES_NAME_THEIR_RESOURCES"
        " has the list of them",
        "security",
    ),
    Acknowledgement(
        f"{NIST}IAMNoInlinePolicy",
        ".*",
        "a policy that serves one role belongs to it, and goes with it",
        "security",
    ),
    # The check function
    Acknowledgement(
        f"{NIST}LambdaConcurrency",
        f"{ENDPOINT}/(Check|Door)/Function",
        "AWS refuses to reserve any of the ten that a new account has; ECS calls the check"
        " once at a time, and submissions.concurrency bounds the door where it is set",
        "platform",
    ),
    Acknowledgement(
        f"{NIST}LambdaDLQ",
        f"{ENDPOINT}/(Check|Door|Model)/Function",
        "it is called and waited for: whoever calls it has its answer",
        "platform",
    ),
    # Serverless endpoints
    Acknowledgement(
        f"{NIST}LambdaInsideVPC",
        f"{ENDPOINT}/Model/Function",
        "it answers callers and calls nobody: its role may write its log, and no more",
        "platform",
    ),
    Acknowledgement(
        rf"{AWS}IAM5\[Resource::(<ModelFunction[^>]+>:|arn:aws:cloudwatch:.*:alarm:)\*\]",
        f"{ENDPOINT}/Canary/Role",
        "CodeDeploy looks at versions, whose numbers nobody knows before, and reads alarms,"
        " as AWS's own policy for it lets it; it may change none",
        "security",
    ),
    # Asynchronous endpoints
    Acknowledgement(
        f"{NIST}LambdaInsideVPC",
        f"{ENDPOINT}/Door/Function",
        "it calls S3 and SQS with its own rights and nothing else: in a VPC it would"
        " need interfaces to reach them, at 7 dollars a zone each",
        "platform",
    ),
    Acknowledgement(
        rf"{AWS}IAM5\[Resource::<SubmissionsBucket[^>]+>/(inputs|keys|submissions)/.*\]",
        f"{ENDPOINT}/(Door|Task)/.*",
        "submissions of its own bucket: their ids are digests of what will be asked",
        "security",
    ),
    Acknowledgement(
        f"{AWS}S1|{NIST}S3(BucketLoggingEnabled|BucketReplicationEnabled"
        "|BucketVersioningEnabled|DefaultEncryptionKMS)",
        f"{ENDPOINT}/Submissions/Bucket",
        "what was asked and answered, gone after its expiry, which versions and copies"
        " would outlive; only its door and workers come here",
        "security",
    ),
    Acknowledgement(
        f"{NIST}SNSEncryptedKMS",
        f"{ENDPOINT}/Submissions/Outcomes",
        "what is published is an id and a state",
        "security",
    ),
    # Logs and topics
    Acknowledgement(
        f"{NIST}CloudWatchLogGroupEncrypted",
        ".*",
        "CloudWatch encrypts every log with a key that AWS owns; requests are not logged",
        "security",
    ),
    Acknowledgement(
        f"{NIST}SNSEncryptedKMS",
        ".*/(Told|Wake/Topic)",
        "what is published is names of metrics, and alarms may not use the key that"
        " AWS manages: docs/decisions/0012",
        "security",
    ),
    # Network
    Acknowledgement(
        f"{AWS}VPC7|{NIST}VPCFlowLogsEnabled",
        "(dev|demo)-network/Vpc",
        "flow logs are charged by GB: a field of the stage, on in prod",
        "security",
    ),
    Acknowledgement(
        f"{NIST}VPCDefaultSecurityGroupClosed",
        f"{NETWORK}/Vpc",
        "nothing is in the default group; closing it needs a Lambda that runs at deploy",
        "security",
    ),
    Acknowledgement(
        f"{NIST}VPC(SubnetAutoAssignPublicIpDisabled|NoUnrestrictedRouteToIGW)",
        f"{NETWORK}/Vpc/(tasks|balancers)Subnet[0-9]/(Subnet|DefaultRoute)",
        "a public subnet is public: docs/decisions/0010; security groups let in only"
        " balancers",
        "security",
    ),
    # Endpoints
    Acknowledgement(
        f"{AWS}EC23",
        f"{ENDPOINT}/Balancer/Callers",
        "an endpoint on the internet is open to it, by a field of its door",
        "security",
    ),
    Acknowledgement(
        f"{AWS}ECS2",
        f"{ENDPOINT}/Task/Definition",
        "the environment names the model and its cores; guard's"
        " TASK_SECRETS_ARE_NOT_IN_ITS_ENVIRONMENT looks for secrets",
        "security",
    ),
    Acknowledgement(
        f"{AWS}ECS4",
        "dev-cluster/Cluster",
        "Container Insights can cost more than a dev task: a field of the stage",
        "platform",
    ),
    Acknowledgement(
        f"{AWS}ELB2|{NIST}ELBLoggingEnabled",
        f"{ENDPOINT}/Balancer/LoadBalancer",
        "access logs keep callers' addresses and are charged by GB: a field of the door",
        "security",
    ),
    Acknowledgement(
        f"{NIST}ALBWAFEnabled",
        f"{ENDPOINT}/Balancer/LoadBalancer",
        "a firewall in front of callers from our own network is five dollars for"
        " nothing; on the internet it is a field of the door",
        "security",
    ),
    Acknowledgement(
        f"{NIST}WAFv2LoggingEnabled",
        f"{ENDPOINT}/Balancer/Firewall",
        "its metrics and samples tell what is blocked; a full log keeps callers'"
        " addresses and is charged by GB",
        "security",
    ),
    Acknowledgement(
        f"{NIST}ELBDeletionProtectionEnabled",
        f"{ENDPOINT}/Balancer/LoadBalancer",
        "cdk destroy is to work where nobody depends on it: a field of the door",
        "platform",
    ),
    Acknowledgement(
        f"{NIST}(ALBHttpToHttpsRedirection|ELBv2ACMCertificateRequired)",
        f"{ENDPOINT}/Balancer/.*",
        "HTTP only inside the VPC, where there is no name to certify; guard's"
        " PUBLIC_LISTENERS_SPEAK_TLS holds the rest to HTTPS",
        "security",
    ),
)
