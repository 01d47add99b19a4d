# The cache from Perl, by what SWIG makes of bindings/swig/resilicache.i:  perl cache.pl URL
# Prints what came of each step; the test that runs it knows what should.
use strict;
use warnings;
use resilicache;

my $how   = resilicache::rcache_error->new;
my $cache = resilicache::handle_open($ARGV[0], undef, $how) or die "$how->{message}\n";
my $call  = resilicache::step->new;

# Runs a call to its end, and the loader for each key that is to be loaded: it returns a value, or undef for absent.
# Between two events the program is its own: it may look at other things, or leave by die.
sub run {
    my ($size, $keys, $loader) = @_;
    return resilicache::step_copied($call, $size) if $size >= 0;
    return undef if $size == $resilicache::STEP_ABSENT;
    die "the cache was closed\n" if $size == $resilicache::STEP_CLOSED;
    die "the sizes don't add up\n" if $size == $resilicache::STEP_INVALID;
    my $kind = resilicache::step_kind($call);
    while ($kind != $resilicache::RCACHE_EVENT_DONE) {
        if ($kind == $resilicache::RCACHE_EVENT_LOAD) {
            my $load = resilicache::step_take_load($call);
            for my $index (0 .. resilicache::rcache_load_count($load) - 1) {
                my $value = $loader->($keys->[resilicache::rcache_load_position($load, $index)]);
                if (defined $value) {
                    resilicache::rcache_load_value($load, $index, $value, 0);
                } else {
                    resilicache::rcache_load_absent($load, $index);
                }
            }
            resilicache::rcache_load_finish($load);
        }
        $kind = resilicache::step_wait($call, 100);
    }
    my $results = resilicache::step_take_results($call);
    return map { result($results, $_) } 0 .. resilicache::results_count($results) - 1;
}

sub result {
    my ($results, $index) = @_;
    my $outcome = resilicache::results_outcome($results, $index);
    die resilicache::results_message($results, $index) . "\n" if $outcome == $resilicache::RCACHE_FAILED;
    return $outcome == $resilicache::RCACHE_ABSENT ? undef : resilicache::results_bytes($results, $index);
}

sub one {
    my ($what, $key, $loader, $flags) = @_;
    my $kind = resilicache::step_one($call, $cache, $what, $key, "", 10000, $flags // 0, 5000, 0);
    return (run($kind, [$key], $loader))[0];
}

sub many {
    my ($what, $keys, $loader) = @_;
    my $sizes = pack "L*", map { length } @$keys;
    my $kind = resilicache::step_many($call, $cache, $what, join("", @$keys), $sizes, "", 10000, 0, 5000, 0);
    return run($kind, $keys, $loader);
}

sub show {
    my ($what, @values) = @_;
    print "$what: ", join(" ", map { defined $_ ? "[" . s/\0/\\0/gr . "]" : "absent" } @values), "\n";
}

my $row   = "tes\0ter";
my $loads = 0;
my $load  = sub { $loads++; $row };

show "first fetch", one($resilicache::CALL_FETCH, "user:1", $load);
show "second fetch", one($resilicache::CALL_FETCH, "user:1", $load);
show "loads", $loads;

$row = "Tester";
one($resilicache::CALL_INVALIDATE, "user:1");
show "strong fetch after an invalidation", one($resilicache::CALL_FETCH, "user:1", $load, $resilicache::RCACHE_STRONG);

show "no such row", one($resilicache::CALL_FETCH, "user:2", sub { undef });
show "an empty row", one($resilicache::CALL_FETCH, "user:3", sub { "" });
show "a batch", many($resilicache::CALL_FETCH, ["user:1", "user:2", "user:33"], sub { "row of $_[0]" });
show "a large value", length one($resilicache::CALL_FETCH, "large", sub { "x" x 100_000 });

# A loader that dies leaves its load to Perl, which lets go of it: nobody waits for it in vain.
eval { one($resilicache::CALL_FETCH, "user:4", sub { die "no database\n" }) };
show "a loader that dies", $@ =~ s/\n//r;
resilicache::step_clear($call);
show "and after it", one($resilicache::CALL_FETCH, "user:4", sub { "row" });

sub refused {
    my ($what, $act) = @_;
    show $what, eval { $act->(); 1 } ? "taken" : $@ =~ s/ at .* line \d+\.\n//r =~ s/\n//r;
}
my $key = "one";
refused "sizes that don't add up",
    sub { run(resilicache::step_many($call, $cache, $resilicache::CALL_GET, $key, pack("L", 4), "", 0, 0, 0, 0)) };
refused "no call", sub { resilicache::step_wait(undef, 0) };
refused "another kind of handle", sub { resilicache::step_wait($cache, 0) };
refused "a number for bytes", sub { one($resilicache::CALL_GET, []) };
refused "no such host", sub { resilicache::handle_open("redis://", undef, $how) or die "$how->{message}\n" };

my $taken;
resilicache::step_one($call, $cache, $resilicache::CALL_FETCH, "user:5", "", 10000, 0, 0, 0);
$taken = resilicache::step_take_load($call);
resilicache::rcache_load_finish($taken) for 1 .. 2;
refused "a load that has ended", sub { resilicache::rcache_load_value($taken, 0, "late", 0) };
resilicache::step_clear($call);

resilicache::handle_close($cache);
refused "a closed cache", sub { one($resilicache::CALL_GET, "user:1") };
