"""What the incidents of the bench are about: one entry a kind of trouble, worded as alerts and tickets are."""

from bench.wording import Family

PAYMENTS = (
    Family(
        "payments",
        ("card-processing", "payment-gateway"),
        "P1",
        (
            "Card authorisations declined by {partner} for {percent}% of payments",
            "CardAuthorisationSuccessLow: {partner} in {region}",
            "Payments fail at {merchant} since {clock}",
        ),
        (
            "The acquirer {partner} answers with response code 91 and status {status} on {endpoint}.",
            "Authorisation success fell to {percent} percent, the usual value is above 97.",
            "{merchant} and {merchant} report shoppers who cannot pay by card.",
            "Retries through {partner} time out after {seconds} seconds on {host}.",
            "The last release of the payment gateway was {version}, rolled out at {clock}.",
        ),
    ),
    Family(
        "payments",
        ("payouts", "ledger"),
        "P3",
        (
            "Payout to {merchant} is late",
            "PayoutFileRejected by {partner}",
            "Settlement batch {number} did not close",
        ),
        (
            "The bank {partner} rejected the file with {error}, {count} payouts are waiting.",
            "{merchant} expected {amount} on {clock} and has not received it.",
            "Ledger and settlement differ by {amount} for the batch of {city}.",
            "The job was started again by {person} on {host} and stopped at the same row of {table}.",
            "Payouts in other currencies are not touched.",
        ),
    ),
    Family(
        "payments",
        ("ledger", "card-processing"),
        "P4",
        (
            "Refund of {amount} pending for {merchant}",
            "Customer of {merchant} charged twice",
            "Refund queue {queue} grows",
        ),
        (
            "{person} from {city} sees the refund as pending since {clock}.",
            "The refund request {number} has two entries in {table} and one answer of {partner}.",
            "Support of {merchant} asks when the money arrives.",
            "{count} refunds older than three days are waiting.",
            "The chargeback deadline at {partner} ends this week.",
        ),
    ),
)

DATABASE = (
    Family(
        "database",
        ("orders-db", "customer-db"),
        "P2",
        (
            "PostgresReplicationLagHigh on {host}",
            "Replica {host} is {seconds} seconds behind its primary",
            "Orders read from {region} are stale",
        ),
        (
            "Replication of {table} stopped advancing at {clock}, the WAL sender waits.",
            "Lag on {host} is {seconds} s and grows since {clock}.",
            "A long transaction of job {job} holds back vacuum on {table}.",
            "Reads from {region} were moved to the primary by {person}.",
            "Disk latency of the replica is {millis} ms.",
        ),
    ),
    Family(
        "database",
        ("orders-db", "ledger-db", "customer-db"),
        "P2",
        (
            "PostgresqlTooManyConnections {host} {percent}% used",
            "Deadlocks on {table} in {region}",
            "Connections to {host} refused with {error}",
        ),
        (
            "{count} sessions are idle in transaction, most from {pod}.",
            "Deadlock detected while updating {table}; {endpoint} answers {status}.",
            "The connection pool of {pod} is exhausted after the deployment of {version}.",
            "Lock waits on {table} take {millis} ms in the median.",
            "The standby in {region} is healthy.",
        ),
    ),
    Family(
        "database",
        ("session-cache", "orders-db"),
        "P3",
        (
            "Disk of database host {host} {percent}% full",
            "RedisEvictedKeys on {host}",
            "Backup of {table} in {region} not finished",
        ),
        (
            "The volume grows by {count} MB an hour because of temporary files of {job}.",
            "Used memory is at {percent} percent of maxmemory, evictions began at {clock}.",
            "The nightly backup runs since {clock} and copies {table} at half its usual speed.",
            "{person} removed old WAL segments on {host}, which gained {percent} percent.",
            "Sessions of {merchant} were lost.",
        ),
    ),
)

PLATFORM = (
    Family(
        "platform",
        ("kubernetes",),
        "P3",
        (
            "KubePodCrashLooping {pod} in {region}",
            "Node {host} NotReady",
            "Deployment of {version} stuck in {region}",
        ),
        (
            "Container restarts every {seconds} seconds with {error}, the last exit code was 137.",
            "{count} pods were evicted from {host} for memory pressure.",
            "Image pull back-off for version {version}, the registry answers {status}.",
            "The liveness probe on {endpoint} fails after {millis} ms.",
            "{person} cordoned {host} at {clock}.",
        ),
    ),
    Family(
        "platform",
        ("message-bus",),
        "P3",
        (
            "KafkaConsumerLag on {queue} above {number}",
            "Consumers of {queue} rebalance for ever",
            "Broker {host} under-replicated",
        ),
        (
            "The consumer group of {pod} has not committed since {clock}.",
            "{count} partitions of {queue} have no in-sync replica in {region}.",
            "Messages are delivered {seconds} seconds late, {table} is behind.",
            "The broker was restarted with version {version} by {person}.",
            "Producers see {error} on one request of ten.",
        ),
    ),
    Family(
        "platform",
        ("ci",),
        "P4",
        (
            "Pipelines queue for {seconds} seconds",
            "Build agents in {city} offline",
            "Certificate of {host} expires soon",
        ),
        (
            "{count} builds wait, agents on {host} answer with {error}.",
            "The certificate for {endpoint} on {host} was not renewed, the challenge failed with {status}.",
            "The cache of the registry is {percent} percent full.",
            "{person} cannot release version {version} of the job {job}.",
            "Builds of yesterday were not touched.",
        ),
    ),
)

NETWORK = (
    Family(
        "network",
        ("edge",),
        "P2",
        (
            "Packet loss {percent}% between {city} and {region}",
            "BGP session to {partner} down on {host}",
            "Edge in {region} answers {status}",
        ),
        (
            "Latency rose to {millis} ms, traffic was moved to {region} at {clock}.",
            "The transit provider {partner} reports a fibre cut near {city}.",
            "The load balancer {host} has {count} unhealthy back ends behind {ip}.",
            "TLS handshakes on {host} fail for {browser}.",
            "{merchant} cannot be reached from {city}.",
        ),
    ),
    Family(
        "network",
        ("corporate-network",),
        "P4",
        (
            "VPN from {city} does not connect",
            "Office {city}: no network on the second floor",
            "DNS for internal names fails on {host}",
        ),
        (
            "{person} gets {error} after {seconds} seconds, also with another {device}.",
            "Lookups through {ip} take {millis} ms or fail.",
            "{count} colleagues in {city} are cut off since {clock}.",
            "The firewall {host} was updated to {version} last night.",
            "Wireless works, the cable does not.",
        ),
    ),
)

SECURITY = (
    Family(
        "security",
        ("identity", "customer-db"),
        "P2",
        (
            "Impossible travel sign-in of {person} from {city}",
            "Brute force against {endpoint} from {ip}",
            "Unusual export of {table} by {person}",
        ),
        (
            "{count} failed sign-ins from {ip} within {seconds} seconds, then one that succeeded.",
            "The account exported {count} rows of {table} at {clock}, which it never did before.",
            "Sessions from {city} and {region} overlap by {seconds} seconds.",
            "The access key was revoked by {person}.",
            "The address {ip} was blocked at the edge.",
        ),
    ),
    Family(
        "security",
        ("observability", "ci"),
        "P3",
        (
            "Phishing mail reported by {person}",
            "Malware on the {device} of {person}",
            "Vulnerable library {version} in {job}",
        ),
        (
            "The mail pretends to come from {partner} and asks for a password.",
            "The {device} in {city} contacted {ip} {count} times since {clock}.",
            "{count} colleagues received it, {person} clicked the link.",
            "The scanner found the file on {host} and put it into quarantine.",
            "The image of {job} has not been rebuilt since version {version}.",
        ),
    ),
)

STOREFRONT = (
    Family(
        "storefront",
        ("checkout-api", "storefront-web"),
        "P2",
        (
            "Checkout blank in {browser} after release {version}",
            "Add to basket does nothing at {merchant}",
            "CheckoutErrorRate {percent}% in {region}",
        ),
        (
            "{error} in the browser console when {endpoint} is called from {browser}.",
            "Shoppers of {merchant} see an empty page after {seconds} seconds.",
            "Conversion fell by {percent} percent against last week.",
            "The error began with version {version}, rolled out at {clock} by {person}.",
            "The page works after a reload in {browser}.",
        ),
    ),
    Family(
        "storefront",
        ("search", "mobile-app"),
        "P3",
        (
            "Search returns nothing for {merchant}",
            "Mobile app crashes on start, version {version}",
            "Largest contentful paint {millis} ms at {merchant}",
        ),
        (
            "The index of {merchant} holds {count} products, {endpoint} finds none.",
            "{count} crashes with {error} since {clock}, most in {browser}.",
            "Pictures on the product page load {seconds} seconds late in {city}.",
            "{person} reported it from {city}.",
            "The index was built again by job {job}.",
        ),
    ),
)

SRE = (
    Family(
        "sre",
        ("api-gateway", "identity"),
        "P2",
        (
            "Latency p99 of {endpoint} above {millis} ms",
            "ErrorBudgetBurn {region}: {endpoint}",
            "Sign-in takes {seconds} seconds in {region}",
        ),
        (
            "The gateway answers {status} to {percent} percent of requests since {clock}.",
            "The error budget of {endpoint} burns {count} times too fast.",
            "Requests from {merchant} time out after {seconds} seconds under load.",
            "{host} serves twice the usual traffic, {count} requests wait.",
            "{person} doubled the replicas of {pod}.",
        ),
    ),
    Family(
        "sre",
        ("observability",),
        "P4",
        (
            "Prometheus target {host} down",
            "Logs of {pod} missing since {clock}",
            "Alert rule for {endpoint} fails to evaluate",
        ),
        (
            "No metrics from {ip} for {seconds} seconds, the exporter answers {status}.",
            "The log shipper on {host} stopped with {error}.",
            "Storage of {region} is {percent} percent full and compaction waits.",
            "Dashboards of {table} show gaps from {clock}.",
            "{person} restarted the exporter.",
        ),
    ),
)

DATA = (
    Family(
        "data",
        ("data-warehouse",),
        "P4",
        (
            "Nightly job {job} did not finish by {clock}",
            "Revenue dashboard of {city} shows old figures",
            "dbt test failed on {table}",
        ),
        (
            "The load of {table} stopped after {count} rows with {error}.",
            "{person} needs the report for {merchant} this morning.",
            "Task retries are exhausted, the warehouse answered {status}.",
            "Duplicates in {table}: {count} events have the same key.",
            "The stream {queue} was read twice after the move to version {version}.",
        ),
    ),
)

SUPPORT = (
    Family(
        "customer-support",
        (),
        "P4",
        (
            "{merchant} cannot find the invoice {number}",
            "Please reset the password of {person}",
            "How do I add a second user for {merchant}?",
        ),
        (
            "{person} of {merchant} writes that the mail from {clock} never arrived.",
            "The invoice over {amount} is missing under {endpoint} in {browser}.",
            "The customer asks when parcel {number} arrives in {city}.",
            "The account was created with an old address.",
            "The {device} shows an error message in the help centre.",
        ),
    ),
    Family(
        "customer-support",
        (),
        "P5",
        (
            "The {device} in {city} does not work",
            "Question about the contract of {merchant}",
            "Wrong address on the invoice of {merchant}",
        ),
        (
            "{person} asks to have it changed before {clock}.",
            "The {device} was restarted twice without success.",
            "{merchant} wants to know what {count} more shipments a month would cost.",
            "A colleague in {city} has the same question.",
            "There is no hurry.",
        ),
    ),
)

FAMILIES = PAYMENTS + DATABASE + PLATFORM + NETWORK + SECURITY + STOREFRONT + SRE + DATA + SUPPORT
