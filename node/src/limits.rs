//! Every bound of a node: value, unit, reason, arithmetic. Nothing else in the crate is a limit.

/// Longest entry body, bytes. A full registration is under 3 KiB; larger things are several
/// entries. Small bodies keep one lost frame cheap on 2G: 16 KiB is 14 s at 9.6 kbit/s.
pub const BODY_BYTES_MAX: usize = 16 * 1024;

/// Longest opaque tail of a header, bytes: room for a later version's fields.
pub const TAIL_BYTES_MAX: usize = 64;

/// Longest name of a document in a header, bytes: 33 in this version, and room for a later one.
pub const DOCUMENT_BYTES_MAX: usize = 64;

const _: () = assert!(shouwang_crdt_schema::parts::DocumentId::BYTES_MAX <= DOCUMENT_BYTES_MAX);

/// The largest number of an entry: a thousand entries a second for nine thousand years.
pub const SEQ_MAX: u64 = 1 << 48;

/// Chains of one log. A restored image and a cloned home make two; a third and a fourth come of doing
/// it again before anybody looked. Beyond this the author's device is broken or hostile, and each
/// chain costs every node that holds the scope.
pub const BRANCHES_MAX: usize = 4;

/// Positions in one `Probe`: in each chain the entries 0, 1, 3, 7, … before its end, below
/// [`SEQ_MAX`] at most 49, and the first one.
pub const PROBE_POSITIONS_MAX: usize = BRANCHES_MAX * 50;

const _: () = assert!(PROBE_POSITIONS_MAX * 41 + 64 <= FRAME_BYTES_MAX);

/// Questions (`Probe` *ask*) of one peer in one session. An honest one asks once of each log of which
/// the two hold different branches: a county's device that was restored from an old image has some
/// 6,400 such logs (1,600 scopes, 4 lanes). The answers are 2 MB at most.
pub const QUESTIONS_MAX: usize = 8_192;

/// Chains of grants that a peer may have shown in `Prove` beyond [`BRANCHES_MAX`] for each log of
/// which it has sent anything: the chain goes ahead of its log, one at a time; a few to spare. Each
/// is kept for good.
pub const PROVES_AHEAD_MAX: usize = 8;

/// Bytes that may wait to be written to one substream; beyond this the peer does not read, and it is
/// hung up on. Two whole summaries (94 B a head, 12.3 MB), all answers to questions (242 B each,
/// 2 MB), and what is unacknowledged (four times 1 MiB) come to less.
pub const QUEUED_BYTES_MAX: usize = 20 * 1024 * 1024;

const _: () = assert!(
    2 * SUMMARY_HEADS_MAX * 94 + QUESTIONS_MAX * 242 + 4 * UNACKNOWLEDGED_BYTES_MAX
        <= QUEUED_BYTES_MAX
);

/// How far the number of an incarnation of our own may be ahead of all that are known here and still
/// be believed from a peer's summary, which nobody signs. A device mints a few in its life.
pub const INCARNATION_AHEAD_MAX: u32 = 1_000;

/// Entries from one checkpoint to the next, at most. One signature (64 B) then costs 2 B an entry
/// and one verification (36 µs) about 1 µs an entry.
pub const CHECKPOINT_ENTRIES: u64 = 32;

/// Body bytes after which an entry is a checkpoint whatever its number.
pub const CHECKPOINT_BYTES: u64 = 16 * 1024;

/// Body bytes in one run, at most: the entry before the checkpoint may come up to one byte below
/// [`CHECKPOINT_BYTES`], and the checkpoint itself may be a full body.
pub const RUN_BYTES_MAX: usize = CHECKPOINT_BYTES as usize + BODY_BYTES_MAX;

/// Longest frame, bytes: a run with its headers (below 256 B an entry) and its signature.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;

const _: () = assert!(
    RUN_BYTES_MAX + CHECKPOINT_ENTRIES as usize * 256 + 256 <= FRAME_BYTES_MAX,
    "a full run must fit a frame"
);

/// Log heads in one statement of a summary: 69 B each where they are spelled out (name 54, seq at most
/// 9, mark 5 or 6), so about 35 KB, and 20 B otherwise.
pub const SUMMARY_HEADS_PER_FRAME: usize = 512;

const _: () = assert!(SUMMARY_HEADS_PER_FRAME * 94 + 32 <= FRAME_BYTES_MAX);

/// Places that one place consists of: 999 townships or villages, the place itself, and the five at most
/// above it; 23 B each (name 7, digest 16) make 24 KB.
pub const SUMMARY_CHILDREN_MAX: usize = 1_005;

const _: () = assert!(SUMMARY_CHILDREN_MAX * 23 + 32 <= FRAME_BYTES_MAX);

/// Statements in one `Summary` frame: each has 10 B at least, so a frame has no room for many more.
pub const SUMMARY_STATEMENTS_PER_FRAME: usize = 4_096;

/// Chains in a place up to which its heads are named rather than its children: 64 heads of 12 B are
/// 0.8 KB, as much as the digests of 35 villages, and save a flight for each level below.
pub const SUMMARY_FEW_CHAINS: u32 = 64;

/// How often two peers may begin to compare anew: once for each of them, when it has learnt that the
/// other's grant is not the one that it had assumed.
pub const SUMMARY_ROUNDS_MAX: u8 = 2;

/// Log heads that a peer may name in one round, number. A county of 100,000 elders has about 1,600
/// scopes and a few devices and incarnations in each; 65,536 heads are 0.8 MB.
pub const SUMMARY_HEADS_MAX: usize = 65_536;

/// Places that a peer may speak of in one round, number: a county of 1,600 villages has 3,400 in two
/// families, each spoken of twice, and a prefecture ten times as many. Of those that are open about
/// 120 B each are remembered, 8 MB.
pub const SUMMARY_PLACES_MAX: usize = 65_536;

/// Log heads in the summary of a peer whose grant is not proved yet: 512 sessions of strangers then
/// hold 200 MB at most. An honest peer says a digest, or, where it may be sent less than it holds, the
/// heads of one device's logs.
pub const STRANGER_HEADS_MAX: usize = 4_096;

/// Places of which a peer may speak whose grant is not proved yet: of everything, in two families, in as
/// many frames as [`STRANGER_HEADS_MAX`] heads take.
pub const STRANGER_PLACES_MAX: usize = 64;

/// Acknowledged logs in one `Have` frame: as [`SUMMARY_HEADS_PER_FRAME`].
pub const HAVE_HEADS_PER_FRAME: usize = SUMMARY_HEADS_PER_FRAME;

/// Grants in one chain: one for each of the levels county, township, village, with room for a
/// county that delegates within itself.
pub const CHAIN_GRANTS_MAX: usize = 8;

/// Longest display name in a grant, bytes of UTF-8.
pub const NAME_BYTES_MAX: usize = 120;

/// Bytes before compression that may be unacknowledged towards one peer at first: of seven runs of visits
/// compression leaves a third, 4 kB. That is half a second at 64 kbit/s, where an answer takes longer, and
/// three at 9.6 kbit/s, where a window that is too large costs most. What is acknowledged widens it at once
/// ([`UNACKNOWLEDGED_GROWTH_MAX`]), to 1 MiB in four steps.
pub const UNACKNOWLEDGED_BYTES_FIRST: usize = 12 * 1024;

/// How long the first bytes take where nothing compresses and nothing is slower, 9.6 kbit/s, ms.
pub const UNACKNOWLEDGED_FIRST_MS_MAX: u64 = UNACKNOWLEDGED_BYTES_FIRST as u64 * 1_000 / 1_200;

/// By how much the window may grow in one round trip, times: after four from the first to the most.
pub const UNACKNOWLEDGED_GROWTH_MAX: usize = 4;

const _: () = assert!(
    UNACKNOWLEDGED_BYTES_FIRST * UNACKNOWLEDGED_GROWTH_MAX.pow(4) >= UNACKNOWLEDGED_BYTES_MAX
);

/// The least that may be unacknowledged: two runs of visits, two seconds at 9.6 kbit/s.
pub const UNACKNOWLEDGED_BYTES_MIN: usize = 4 * 1024;

/// The most that may be unacknowledged: two seconds at 4 Mbit/s, and what a commit of
/// [`COMMIT_BYTES`] takes in.
pub const UNACKNOWLEDGED_BYTES_MAX: usize = 1024 * 1024;

/// How long anything should be on the way where nothing is known of the link, ms: whatever is more urgent
/// waits behind it.
pub const UNACKNOWLEDGED_MS_MAX: u64 = 2_000;

/// Packets into which what may be unacknowledged is divided: half a second of the link each. A fast link
/// comes to [`PACKET_BYTES_MAX`] at a window of 224 KiB.
pub const PACKETS_PER_WINDOW: usize = 4;

/// Bytes after which what goes over a connection is not kept to be encrypted together with what follows: a
/// packet by itself costs 30 B of Noise and Yamux, and together with the next it is acknowledged later.
/// Half of the smallest packet, 1 kB before compression at the smallest window.
pub const PROMPT_BYTES: usize = 512;

const _: () = assert!(PROMPT_BYTES <= UNACKNOWLEDGED_BYTES_MIN / PACKETS_PER_WINDOW / 2);

/// How much longer than the quickest acknowledgement anything may be on the way, ms: what waits at the link,
/// so that it is never idle while the next answer comes, and behind which whatever is more urgent waits. Twice
/// this was sent twice wherever a link broke, and was used no better.
pub const UNACKNOWLEDGED_QUEUE_MS: u64 = 500;

/// The longest stall that a session bears with, ms: on 2G a minute without a byte is common, and a
/// telephone call takes the line for as long.
pub const STALL_MS_MAX: u64 = 75_000;

/// The least time without an acknowledgement after which another connection is tried beside the one that
/// says nothing, ms: twice as long as a link is filled for, and eleven seconds for a disk that is slow or a
/// long commit. To try costs some 500 B.
pub const DOUBT_MS_MIN: u64 = 15_000;

const _: () = assert!(DOUBT_MS_MIN >= 4 * UNACKNOWLEDGED_MS_MAX && DOUBT_MS_MIN < STALL_MS_MAX);

const _: () = assert!(STALL_MS_MAX + 2 * UNACKNOWLEDGED_FIRST_MS_MAX < PROGRESS_TIMEOUT_MS);

/// Received runs that one commit may gather, bytes: one fsync then serves many runs, each document of
/// theirs is read and written once, and a crash loses at most what is sent again in a few seconds.
/// While it is decided an entry takes some ten times its bytes.
pub const COMMIT_BYTES: usize = 2 * 1024 * 1024;

/// Peers with a session at once: the devices of a county's villages, several each, never dial all
/// at one time; beyond this a new one is told to come back.
pub const SESSIONS_MAX: usize = 512;

/// Strangers (peers without a valid grant) that are remembered by name of device.
pub const STRANGERS_MAX: usize = 256;

/// Rows in the evidence table; beyond it the oldest that tell of peers go, and only then the oldest
/// of the others: whoever can connect must not push out what tells of this device or of a log.
pub const EVIDENCE_ROWS_MAX: u64 = 1_000;

/// Bytes of one piece of evidence that are kept.
pub const EVIDENCE_BYTES_MAX: usize = 4 * 1024;

/// Time for a peer to say `Hello` and prove its grant, ms. At 9.6 kbit/s a chain of 2 kB takes
/// 2 s; with a round trip of 2 s and three flights 20 s would do, a minute forgives a stall.
pub const HELLO_TIMEOUT_MS: u64 = 60_000;

/// Time without any frame while something is owed, ms: a full frame of 64 KiB takes 55 s at
/// 9.6 kbit/s, and stalls of a minute are common on 2G.
pub const PROGRESS_TIMEOUT_MS: u64 = 150_000;

/// Silence after which an idle session sends one `Alive` frame, ms. A frame costs about 40 B on
/// the wire, 12 KB a day.
pub const ALIVE_INTERVAL_MS: u64 = 300_000;

/// Silence after which an idle session counts as gone, ms: two lost `Alive` frames and a stall.
pub const SILENCE_TIMEOUT_MS: u64 = 2 * ALIVE_INTERVAL_MS + PROGRESS_TIMEOUT_MS;

/// First wait before dialling again after a failure, ms.
pub const REDIAL_MIN_MS: u64 = 1_000;

/// Dials in vain of each other address before those to fall back on are dialled: with
/// [`REDIAL_MIN_MS`], 1, 2 and 4 s. A program that is started again is back by then; a machine that
/// is started again is not, but going round it costs a handshake (1.5 kB) and saves an incident a minute.
pub const FALLBACK_AFTER_DIALS: u32 = 3;

/// How long nobody above may be in session before addresses to fall back on are dialled although the
/// others have not failed so often, ms: where nobody answers at all a dial takes [`HELLO_TIMEOUT_MS`],
/// and incidents are to be acknowledged within hours (`docs/rules.md`), so minutes do not matter.
pub const FALLBACK_AFTER_MS: u64 = 120_000;

/// Addresses to fall back on in an invite: two devices of the office above the granting one, each
/// with two ways. With 200 B each 0.8 kB of an invite that may have to fit a code to photograph.
pub const FALLBACK_ADDRESSES_MAX: usize = 4;

/// Addresses by which devices above were reached that are remembered for invites.
pub const REACHED_ADDRESSES_MAX: usize = 2 * FALLBACK_ADDRESSES_MAX;

/// Reservations at one relay: each is one idle connection, and a county's townships and villages have
/// some hundreds of devices.
pub const RELAY_RESERVATIONS_MAX: usize = SESSIONS_MAX;

/// Circuits through one relay at once. Each keeps two buffers of 8 KiB and two substreams: 4 MB and
/// what Yamux lets wait, 256 KiB a substream at most, so 64 MB at worst.
pub const RELAY_CIRCUITS_MAX: usize = 128;

/// Circuits of one device at once: its peers behind the relay (an office has a few), each perhaps
/// about to be replaced.
pub const RELAY_CIRCUITS_PER_PEER_MAX: usize = 8;

/// How long one circuit may stand, ms: a day. Then it is dialled anew, which costs 3 kB. Two minutes,
/// as is usual for relays that serve anybody, would cut every first exchange over 2G.
pub const RELAY_CIRCUIT_MS_MAX: u64 = 24 * 3_600_000;

/// Bytes over one circuit, both ways: a county of 100,000 elders is some 60 MB on the wire, so ten of
/// them. What a turned device can make a relay carry in a day is this times its circuits.
pub const RELAY_CIRCUIT_BYTES_MAX: u64 = 600 * 1024 * 1024;

/// How long a reservation lasts, ms: ten years. libp2p says its end by the wall clock, and a laptop
/// whose clock is ahead by more could not have one; it ends with its connection anyway.
pub const RELAY_RESERVATION_MS: u64 = 10 * 365 * 86_400_000;

/// Longest wait before dialling again, ms: a link that comes back is used within this time.
pub const REDIAL_MAX_MS: u64 = 120_000;

/// Wait after a peer refused us or misbehaved, ms: a person has to act first.
pub const REDIAL_REFUSED_MS: u64 = 600_000;

/// Wait of a machine whose substream another machine with the same key has replaced, ms, a third more
/// or less: the other then has that long, and it is its turn next. A minute at 9.6 kbit/s is 70 kB.
pub const TURN_MS: u64 = 60_000;

/// Positions in one receipt: 84 B each (lane 1, device 32, incarnation 12, seq at most 7, hash 32)
/// beside version and count, so a full receipt fits one body. A scope has a few logs.
pub const RECEIPT_POSITIONS_MAX: usize = 190;

const _: () = assert!(RECEIPT_POSITIONS_MAX * 84 + 3 <= BODY_BYTES_MAX);

/// Time between two receipts of one device for one scope while a session lasts, ms. An entry costs
/// about 300 B on the wire, so at most 43 KB a day; ten minutes is soon enough to wipe a laptop.
pub const RECEIPT_INTERVAL_MS: u64 = 600_000;

/// Days after which an entry that nobody else holds is called data at risk: a village meets its
/// township weekly.
pub const CUSTODY_RISK_DAYS: i64 = 7;

/// Rows in the audit; beyond it the oldest go. Thirty looks a day for a year, at 150 B each 1.6 MB.
pub const AUDIT_ROWS_MAX: u64 = 11_000;

/// Longest name of a user in the audit, characters.
pub const AUDIT_NAME_CHARACTERS_MAX: usize = 64;

/// Forms in which something stands that is not saved. A cadre who begins a visit of everybody in a village of 200 and
/// saves none; at some 500 B each 100 kB.
pub const DRAFTS_MAX: u64 = 200;

/// What may stand in one form, bytes: the longest note is 4 KiB, and a card of the file has forty fields.
pub const DRAFT_BYTES_MAX: usize = 64 << 10;

/// The longest name of a form, bytes: a word and two ids of 64 digits.
pub const DRAFT_FORM_BYTES_MAX: usize = 160;

/// Entries named in one `Aside` frame: 159 B each (position 94, code at most 65).
pub const ASIDES_PER_FRAME: usize = 64;

const _: () = assert!(ASIDES_PER_FRAME * 160 + 16 <= FRAME_BYTES_MAX);

/// Entries named in all `Aside` frames of one session: more tells nobody anything.
pub const ASIDES_PER_SESSION: usize = 256;

/// Codes that are kept apart of what one peer says it has set aside. We know some fifty; one that a
/// later version brings has room, and a liar has not.
pub const SET_ASIDE_CODES_MAX: usize = 100;

/// Time that `sync` waits for receipts once all is exchanged, ms: two round trips over a satellite
/// and a slow disk.
pub const RECEIPT_WAIT_MS: u64 = 5_000;

/// Page cache of the store, bytes. redb's default is 1 GiB; an old village laptop has 2 to 4.
pub const STORE_CACHE_BYTES: usize = 64 * 1024 * 1024;

/// Longest dictionary of compression, bytes. It stands in the program, and once more in memory for each
/// way; beyond this, ours got no better.
pub const DICTIONARY_BYTES_MAX: usize = 32 * 1024;

/// zstd's level for what stands in the store. Of our blocks level 6 makes 12 % less than level 3 and takes four
/// times as long, of documents 8 %; level 3 took a sixteenth of a first exchange, and after `compact` the file of
/// a thousand elders is as long with level 1. `docs/performance.md`, Disk.
pub const PACKED_LEVEL: i32 = 1;

/// Longest text of one packed value of the store, bytes: the longest document. A journal of a year with
/// a visit a day is 30 KB, an area's directory of 20,000 places 2 MB; whatever says that it unpacks to
/// more was not written by this program.
pub const PACKED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Entries of one block, at most: see `store::block`. A checkpoint ends a block too.
pub const BLOCK_ENTRIES: u64 = CHECKPOINT_ENTRIES;

/// Dependencies of a change that a block tells from the rest of it: a body has no room for more.
pub const DEPENDENCIES_MAX: usize = BODY_BYTES_MAX / 32;

/// Blocks that a store keeps unpacked. Whoever goes along a log needs one; whoever sends visits looks at
/// those before, of some hundred elders and so in a dozen blocks. 32 entries of 500 B make 1 MB in all,
/// the largest bodies (32 KiB a block) 2 MB.
pub const BLOCKS_RECENT_MAX: usize = 64;

/// How far two clocks may differ before it is said that they do not agree, ms: people set them by
/// sight to the minute, and a slow laptop signs a few seconds after it has looked.
pub const CLOCK_SLACK_MS: i64 = 2 * 60 * 1_000;

/// Logs that one edit of a person may stand in and still be taken back as a whole: a batch of an
/// import touches at most as many villages as it has rows, each with one lane, and 1,024 of them
/// take 64 KiB to remember.
pub const UNDO_LOGS_MAX: usize = 1_024;

/// Rows in one import request: about 1 KiB each.
pub const IMPORT_ROWS_MAX: usize = 500;

/// Elders in one answer to an export: about 2 KiB each, so an answer stays below 1 MiB.
pub const EXPORT_ELDERS_MAX: usize = 400;

/// Elders whose files one answer to a list or a report goes through: 0.8 KiB each at most that all
/// lists are asked of, so an answer stays below 2 MiB, and the node does other things in between.
pub const LIST_ELDERS_MAX: u64 = 2_000;

/// Threads that go through the files of one list: the oldest laptops have two cores, and a third would
/// be taken from whoever works there meanwhile.
pub const LIST_THREADS: usize = 2;

/// How long counts about peers may stay in memory before they are written, ms: each write is an
/// fsync, and nothing depends on them. A node on which nothing happens hears a sign of life from each peer
/// every five minutes: six of them are one write.
pub const PEERS_FLUSH_MS: u64 = 1_800_000;

/// Longest request to the local admin API, bytes: an import request of full rows.
pub const ADMIN_REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Entries that one adoption names: 93 B each (key 53, seq at most 8, hash 32) make 15 KB.
pub const ADOPTED_ENTRIES_MAX: usize = 160;

const _: () = assert!(ADOPTED_ENTRIES_MAX * 93 + 8 <= BODY_BYTES_MAX);

/// Longest signed grant, bytes: version, keys and role 66, name with its length 121, area, rights,
/// quota 30, depth, issuer, serial and time 46, signature 64, and a few to spare.
pub const CARRIED_GRANT_BYTES_MAX: usize = 330;

/// What proves one carried entry at most, bytes: the grants below the root (332 each with their
/// length), 31 headers after it (time 8, kind 1, document and tail 65 each, body 37), its own (142),
/// and log key, number, previous hash, counts and signature (160).
pub const CARRIED_PROOF_BYTES_MAX: usize = (CHAIN_GRANTS_MAX - 1) * (CARRIED_GRANT_BYTES_MAX + 2)
    + (CHECKPOINT_ENTRIES as usize - 1) * (9 + 2 * (DOCUMENT_BYTES_MAX + 1) + 37)
    + 142
    + 160;

const _: () = assert!(TAIL_BYTES_MAX == DOCUMENT_BYTES_MAX);

// Any change can be carried to another scope with its proof, in one entry.
const _: () = assert!(
    shouwang_crdt_schema::change::CHANGE_BYTES_MAX + CARRIED_PROOF_BYTES_MAX <= BODY_BYTES_MAX
);

/// Cuts in one revocation entry: 53 B each (lane 1, incarnation 12, seq at most 8, hash 32) make
/// 10 KB. A device with more logs in a scope gets several entries.
pub const REVOCATION_CUTS_MAX: usize = 192;

/// Scopes that one revocation entry sets apart: 8 B each make 5.6 KB. Only the outermost are named:
/// the townships of a county, and villages of townships in which the device wrote nothing.
pub const REVOCATION_APART_MAX: usize = 700;

const _: () = assert!(REVOCATION_CUTS_MAX * 53 + REVOCATION_APART_MAX * 8 + 40 <= BODY_BYTES_MAX);

/// Memory of Argon2id for a new passphrase, KiB: what RFC 9106 recommends where memory is scarce. A
/// village laptop with 2 GB has it to spare for half a second; a guesser's hardware has to have it
/// for every guess.
pub const ARGON2_MEMORY_KIB: u32 = 64 * 1024;

/// Passes of Argon2id over that memory: 0.16 s on a server of 2025, half a second on a laptop that
/// is three times slower. One lane: our implementation uses one thread.
pub const ARGON2_PASSES: u32 = 3;

/// Most memory that an envelope may ask for, KiB: four times ours leaves room for a later version,
/// and a hostile envelope cannot take an old laptop's memory.
pub const ARGON2_MEMORY_KIB_MAX: u32 = 4 * ARGON2_MEMORY_KIB;

/// Most passes that an envelope may ask for: with the most memory about ten seconds on an old laptop.
pub const ARGON2_PASSES_MAX: u32 = 16;

/// Most lanes that an envelope may ask for.
pub const ARGON2_LANES_MAX: u32 = 8;

/// Shortest passphrase that is accepted as a new one, characters. Argon2id makes a guess cost half a
/// second; below eight characters even that is too few guesses.
pub const PASSPHRASE_CHARS_MIN: usize = 8;

/// Longest passphrase, bytes: a long sentence in Chinese has 300.
pub const PASSPHRASE_BYTES_MAX: usize = 1024;

/// Longest envelope that is read, bytes: 149 in this version, and room for a later one.
pub const ENVELOPE_BYTES_MAX: usize = 1024;

/// Longest key file that is read, bytes: 64 digits, and white space round them.
pub const KEY_FILE_BYTES_MAX: u64 = 256;

/// Bytes that are encrypted at once while a file is written, at most: a redb page is 4 KiB, its
/// largest about this.
pub const SECTOR_BATCH_BYTES: usize = 64 * 1024;

/// Logs that one erasure covers: 85 B each (lane 1, device 32, incarnation 12, seq at most 8,
/// hash 32) make 16 KB. A file with more gets several entries.
pub const ERASURE_LOGS_MAX: usize = 190;

const _: () = assert!(ERASURE_LOGS_MAX * 85 + 64 <= BODY_BYTES_MAX);

/// Bodies that may be asked for at once, in one `AskBodies` frame and over all that is unanswered:
/// 94 B each (key 53, seq at most 9, hash 32) make 24 KB.
pub const BODIES_ASKED_MAX: usize = 256;

const _: () = assert!(BODIES_ASKED_MAX * 94 + 16 <= FRAME_BYTES_MAX);

/// Bodies that a peer asked for and that we lack too, remembered so that it gets them when they
/// come: 94 B each make 385 KB a session. Beyond this it asks again in the next session.
pub const BODIES_OWED_MAX: usize = 4_096;

/// Bodies asked of one peer in vain in one session, remembered so that they are not asked again:
/// 61 B each make 4 MB.
pub const BODIES_SOUGHT_MAX: usize = 65_536;

/// A clock that says less has stopped, ms since 1970: 2026-01-01 in UTC+8. This program was written
/// in that year.
pub const CLOCK_EARLIEST_MS: i64 = 1_767_196_800_000;

/// How far a clock may be from those of its peers and still say what day it is, ms: half a day.
/// Beyond it the date is wrong more often than right.
pub const CLOCK_TOLERANCE_MS: i64 = 12 * 3_600_000;

/// How far a clock may be from those of its peers without being spoken of, ms: five minutes, which
/// is what people set clocks by.
pub const CLOCK_SKEW_SHOWN_MS: i64 = 5 * 60_000;

/// Files that one question of why they are here is answered with: as many as a person reads.
pub const EXPLAINED_FILES_MAX: usize = 20;

/// Happenings that a running node remembers for whoever watches it: an evening's at a village, some minutes of a
/// county's first exchange. About 150 B each.
pub const HAPPENINGS_KEPT: usize = 512;

/// Of peers that have proved nothing, each sort of thing is noted so often at most, ms: whoever knocks in a loop neither
/// fills a disk with lines nor pushes out what is worth remembering.
pub const STRANGERS_NOTED_EVERY_MS: u64 = 60_000;

/// Less room than this where the store lies is spoken of, bytes: 256 MiB. A village of 500 elders writes 2 MB a year;
/// it is what else runs on the machine that needs the rest. Less than the store itself is spoken of as well: to write
/// it anew takes as much once more.
pub const SPACE_LOW_BYTES: u64 = 256 << 20;

/// Room for fewer days than this, as the store has grown so far, is spoken of, days: half a year, in which an office
/// finds the money for a disk.
pub const SPACE_LOW_DAYS: u64 = 183;

/// Less room than this is a fault, bytes: a hundred mebibytes. What else runs on the machine fills them on
/// some afternoon.
pub const SPACE_NONE_BYTES: u64 = 100 << 20;

/// A store that is younger is taken to be so old when its growth is worked out, days: the ledgers of the first day
/// are no day like others.
pub const SPACE_FORECAST_DAYS_MIN: i64 = 30;

/// Peers whose clocks are asked when this one is checked: those met last. An odd number, so that
/// there is one in the middle.
pub const CLOCK_PEERS_MAX: usize = 7;

const _: () = assert!(CLOCK_SKEW_SHOWN_MS < CLOCK_TOLERANCE_MS && CLOCK_PEERS_MAX % 2 == 1);

/// The first year of a date that a person may give, and the year before which it must lie: nobody
/// who is alive was born earlier, and nothing is planned later.
pub const DATE_YEARS: std::ops::Range<i32> = 1900..2200;

/// The greatest age that is believed, years: nobody has been proved to be older than 122.
pub const AGE_MAX_YEARS: u32 = 120;

/// The age from which on somebody is an elder, years (Lijiang 2024 1(4)).
pub const AGE_MIN_YEARS: u32 = 60;

/// The longest name of a visitor, characters: as a name in a file.
pub const VISITOR_CHARACTERS_MAX: usize = 40;

/// The longest time of one service, minutes: a day and a night.
pub const SERVICE_MINUTES_MAX: u32 = 24 * 60;

/// The most steps of one offer that are looked at, in list order: an offer, an answer, and room for
/// people who change their minds. What each had seen is kept for all of them, so that memory grows with
/// the square: 256² numbers of eight bytes are half a megabyte.
pub const TRANSFER_EVENTS_MAX: usize = 256;

/// The most files that may be one person's. Whoever chains more has not found a person but written a
/// loop: then each is shown by itself, because finding the one that goes on takes their square.
pub const MERGED_FILES_MAX: usize = 64;

/// Moves of one elder from village to village: two a year for a life. Each later manifest names all
/// earlier steps (32 B each, 2 KB).
pub const MOVES_MAX: usize = 64;

/// Documents that a manifest says what it has seen of: a piece of at most 18 B, a count of at most 10,
/// a hash of 32. Thirty years of journals, and two hundred incidents; beyond it the first are named.
pub const HANDOVER_DOCUMENTS_MAX: usize = 230;

const _: () = assert!(MOVES_MAX * 32 + HANDOVER_DOCUMENTS_MAX * 60 + 64 <= BODY_BYTES_MAX);

/// How long an executor lets exchanges under way become complete before it carries out a move, ms:
/// what it would write may be on its way to it. A full summary over a thin link takes this long.
pub const MOVE_PATIENCE_MS: u64 = 30_000;

/// How long an executor waits for one nearer to the elder to carry out a move, ms. Both may at once,
/// which is harmless and costs twice the bytes.
pub const MOVE_DEFER_MS: u64 = 600_000;

/// Elders whose moves are looked after in one go, so that peers are heard in between: three commits
/// each, 10 ms at most on a flash disk.
pub const MOVES_PER_SETTLE_MAX: usize = 16;

/// Commits for one elder in one go: a file of thirty years is some 6 MB with its proofs, a dozen commits
/// of [`COMMIT_BYTES`]; more is a fault, and must not keep a node busy for ever.
pub const MOVE_PIECES_MAX: usize = 256;

/// Months that one request may count, number. A half-year report has seven at most; each multiplies
/// the rules' work, not the reading.
pub const REPORT_MONTHS_MAX: usize = 12;

/// The newest version of the dictionary by which streams between peers are compressed. Peers use the
/// older of theirs; 0 is none, and no stream either: frames as they are.
pub const STREAM_VERSION: u8 = 2;

/// Keys whose last values a stream remembers: our schema has some 150.
pub const RECENT_KEYS_MAX: usize = 256;

/// Values of one key that a stream remembers: the days of a month, the words of any vocabulary.
pub const RECENT_VALUES_MAX: usize = 32;

/// The longest value that a stream remembers, bytes: eight characters. With [`RECENT_KEYS_MAX`] and
/// [`RECENT_VALUES_MAX`] a direction holds 200 KB of values at most, and as much again to keep them.
pub const RECENT_VALUE_BYTES_MAX: usize = 24;

/// Elders that a stream remembers by number, each with the last change of its documents: some 250 B
/// each, 1 MB a direction. A village has a few hundred.
pub const STREAM_ELDERS_MAX: usize = 4_096;

/// Documents of one elder of which a stream remembers the last change.
pub const STREAM_DOCUMENTS_MAX: usize = 8;

/// Logs that a stream knows by number: those beyond are named each time.
pub const STREAM_LOGS_MAX: usize = 4_096;

/// Sorts of parts (a year's journal, one incident), actors and grants that a stream knows by number.
pub const STREAM_NAMES_MAX: usize = 256;

/// Templates of changes that a stream knows by number: a few hundred bytes each.
pub const STREAM_TEMPLATES_MAX: usize = 128;

/// Bytes of frames in one packet before compression, unless one frame has more: what is sent in one go
/// is compressed as one piece, and what is not compressible still fits a frame.
pub const PACKET_BYTES_MAX: usize = 56 * 1024;

/// Frames in one packet: of 14 B each, less than all but a few kinds have, as many fill one.
pub const PACKET_FRAMES_MAX: usize = 4_096;

/// How many bytes longer than the change a template may be that goes in its place: operations that are
/// alike take a byte each.
pub const TEMPLATE_EXCESS_BYTES_MAX: usize = 256;

// A run whose bodies all go by templates of their own still fits a packet.
const _: () = assert!(
    RUN_BYTES_MAX + CHECKPOINT_ENTRIES as usize * (TEMPLATE_EXCESS_BYTES_MAX + 128) + 512
        <= PACKET_BYTES_MAX
);
const _: () = assert!(SUMMARY_HEADS_PER_FRAME * 94 + 16 <= PACKET_BYTES_MAX);

/// How far back a stream's compression looks, as a power of two, bytes: 256 KiB. Each session that is
/// receiving holds as much.
pub const STREAM_WINDOW_LOG: u32 = 18;

/// Changes of one document whose places in the logs are kept: those that new ones build on are among
/// the last. About 8 B each.
pub const PLACES_MAX: usize = 16;

/// What carries a frame, bytes: Yamux 12, Noise 18, and a packet of TCP with its acknowledgement in part.
pub const BUDGET_FRAME_BYTES: u64 = 70;

/// What a session takes before its first frame, bytes: TCP, Noise and Yamux, as measured
/// (`docs/links.md`), and packets of TCP around them.
pub const BUDGET_SESSION_BYTES: u64 = 1_500;

/// The least that may be set for a day, bytes: signs of life both ways (2 times 288 of 71 B make 41 kB), a
/// dozen sessions of 2 kB, and incidents that are answered.
pub const BUDGET_BYTES_MIN: u64 = 100_000;

const _: () = assert!(
    2 * (24 * 3_600_000 / ALIVE_INTERVAL_MS) * (BUDGET_FRAME_BYTES + 1) < BUDGET_BYTES_MIN / 2
);

/// Devices that one bundle is for: all of a county's townships several times over. Each is one line of
/// 100 B before every segment that is sealed to it.
pub const BUNDLE_RECEIVERS_MAX: usize = 256;

/// Bytes of frames in one segment of a bundle, before compression: one commit when it is imported,
/// and the most that is lost where a bundle is torn or damaged. What a segment takes beside them, some
/// 500 B, is below one in a hundred of what is left of them packed.
pub const SEGMENT_FRAMES_BYTES: usize = 512 * 1024;

/// Bytes of everything in one segment once it is unpacked: its frames, one frame that goes over, and as
/// many chains of grants as go ahead of logs.
pub const SEGMENT_PLAIN_BYTES_MAX: usize = SEGMENT_FRAMES_BYTES + 8 * FRAME_BYTES_MAX;

/// Bytes before the sealed content of a segment that say to one receiver that it is sealed to it: 98 B in
/// age's head, and up to 2 B for its number in ours.
pub const SEGMENT_SEAL_RECEIVER_BYTES: usize = 128;

/// Bytes before the sealed content of a segment whoever it is for: age's version, a line of random length
/// below 250 B, a tag and a nonce.
pub const SEGMENT_SEAL_OWN_BYTES: usize = 512;

/// Bytes before the sealed content of a segment that say to whom it is sealed.
pub const SEGMENT_SEAL_BYTES_MAX: usize =
    BUNDLE_RECEIVERS_MAX * SEGMENT_SEAL_RECEIVER_BYTES + 2 * SEGMENT_SEAL_OWN_BYTES;

/// Longest segment of a bundle as it stands in the file, bytes: what does not compress takes a little
/// more; a tag of 16 B for each 64 KiB, a head and a signature below 1 KiB.
pub const SEGMENT_BYTES_MAX: usize = SEGMENT_PLAIN_BYTES_MAX + 16 * 1024 + SEGMENT_SEAL_BYTES_MAX;

// Segments go to a running node as hexadecimal digits.
const _: () = assert!(2 * SEGMENT_BYTES_MAX + 64 * 1024 <= ADMIN_REQUEST_BYTES_MAX);

/// Heads in one piece of what a bundle says that its sender holds: 94 B each (key 53, seq at most 9,
/// hash 32) make 385 KB.
pub const VECTOR_HEADS_MAX: usize = 4_096;

const _: () = assert!(VECTOR_HEADS_MAX * 94 + 64 <= SEGMENT_FRAMES_BYTES);

/// Pieces of what a bundle says that its sender holds: half a million logs.
pub const VECTOR_PIECES_MAX: usize = 128;

/// The least that a part of a bundle may be split to, bytes: its head with all receivers (9 KB), and
/// one segment with a full frame. What it says that its sender holds comes on top.
pub const BUNDLE_PART_BYTES_MIN: u64 = 128 * 1024;

/// Parts of one bundle: a county of 300 MB on floppy disks.
pub const BUNDLE_PARTS_MAX: u32 = 1_000;

/// zstd's level for bundles. Nobody waits for a stick as for a link; a first bundle of a township takes
/// a second more than at the level of the streams.
pub const BUNDLE_LEVEL: i32 = 9;
